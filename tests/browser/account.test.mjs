// One's own account: the settings, the sign-ins elsewhere, the ways back in, the end.
import assert from 'node:assert/strict';
import { DESK, inspect, PHONE, TABLET } from './support/screens.mjs';
import { Mailbox } from './support/mailbox.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

const PASSWORD = 'correct horse battery staple';
const NEW = 'a wholly new sentence';

story('somebody who forgot the password comes back by a mail', async (stage) => {
  const mailbox = await Mailbox.open();
  try {
    const server = await stage.server(...mailbox.flags);
    const ana = await stage.person('ana', 440, DESK);
    await ana.setsUp(server);
    const { page } = ana;
    const faults = [];
    const at = async (screen, address) => {
      for (const { viewport } of [TABLET, PHONE, DESK]) {
        await page.setViewportSize(viewport);
        await ana.opens(address);
        await until(`${screen} is there`, () => page.getByRole('heading', { level: 1 }).isVisible());
        faults.push(...(await inspect(ana, screen)));
      }
    };
    await signsOut(ana);
    await at('door-with-mail', server.url);
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await until('the page asks for the address', () => page.getByRole('heading', { name: 'A new password' }).isVisible());
    await page.getByLabel('E-mail', { exact: true }).fill('nonsense');
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await ana.sees('This does not look like an e-mail address.');
    await page.getByLabel('E-mail', { exact: true }).fill('ana@example.org');
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await ana.sees('If that address has an account, a mail is on its way.');
    await at('forgotten', `${server.url}/forgotten`);

    const link = await mailbox.link();
    await at('reset', link);
    await page.getByLabel('New password', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Take this password' }).click();
    await ana.sees('At least 12 characters.');
    await page.getByLabel('New password', { exact: true }).fill(NEW);
    await page.getByRole('button', { name: 'Take this password' }).click();
    await ana.sees('Your password is changed.');
    await page.getByRole('link', { name: 'Go to the sign-in' }).click();
    await signsIn(ana, NEW);
    // The link opens once.
    await signsOut(ana);
    await ana.opens(link);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Take this password' }).click();
    await ana.sees('This link is wrong, was used, or is too old.');
    assert.deepEqual(faults, []);
  } finally {
    await mailbox.close();
  }
});

story('an account begins with the answer to a mail, where that is wanted', async (stage) => {
  const mailbox = await Mailbox.open();
  try {
    const server = await stage.server(...mailbox.flags, '--email-confirmation', 'required');
    const ana = await stage.person('ana', 440, DESK);
    const { page } = ana;
    await ana.opens(server.url);
    await ana.asksForAnAccount();
    await page.getByLabel('Name', { exact: true }).fill('ana');
    await page.getByLabel('E-mail', { exact: true }).fill('ana@example.org');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Create account' }).click();
    await ana.sees('We sent a mail to ana@example.org.');
    await ana.opens(await mailbox.link());
    const faults = [];
    for (const { viewport } of [TABLET, PHONE, DESK]) {
      await page.setViewportSize(viewport);
      await until('the button is there', () => page.getByRole('button', { name: 'This is my address' }).isVisible());
      faults.push(...(await inspect(ana, 'confirm')));
    }
    await page.getByRole('button', { name: 'This is my address' }).click();
    await ana.sees('Your address is confirmed.');
    await page.getByRole('link', { name: 'Go to the sign-in' }).click();
    await signsIn(ana, PASSWORD);
    assert.deepEqual(faults, []);
  } finally {
    await mailbox.close();
  }
});

story('the settings are sound, in every width and theme, and a talk goes on behind them', async (stage) => {
  const server = await stage.server('--avatars', 'links');
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  await ana.joins('Lounge');
  await ben.joins('Lounge');
  await ana.unmutes();
  await ben.hears(440);
  const { page } = ana;
  const faults = [];

  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  faults.push(...(await inspect(ana, 'menu')));
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await until('the profile is there', () => page.getByLabel('Name to show').isVisible());
  for (const { viewport } of [TABLET, PHONE, DESK]) {
    await page.setViewportSize(viewport);
    if (viewport === PHONE.viewport) {
      await page.getByRole('link', { name: 'Back to settings' }).click();
      await until('the list is a screen of its own', () => page.getByLabel('Name to show').isHidden());
      faults.push(...(await inspect(ana, 'settings')));
    }
    for (const [link, screen, sign] of [
      ['Profile', 'settings-profile', 'Picture'],
      ['Password and e-mail', 'settings-sign-in', 'Change password'],
      ['Where you are signed in', 'settings-devices', 'This one'],
    ]) {
      await page.getByRole('link', { name: link, exact: true }).click();
      await ana.sees(sign);
      faults.push(...(await inspect(ana, screen)));
      if (viewport === PHONE.viewport) await page.getByRole('link', { name: 'Back to settings' }).click();
    }
    await ana.isConnected();
  }
  await ben.hears(440);

  // What is wrong is said where it is; what is saved everybody sees at once.
  await page.getByRole('link', { name: 'Profile', exact: true }).click();
  await page.getByLabel('Name to show').fill('ben');
  await page.getByRole('button', { name: 'Save' }).click();
  await ana.sees('Somebody else has this as user name.');
  await page.getByLabel('Name to show').fill('Ana María');
  await page.getByRole('radio', { name: 'Address' }).check();
  await page.getByLabel('Address of the picture').fill('ftp://example.org');
  await page.getByRole('button', { name: 'Save' }).click();
  await ana.sees('An address that begins with https');
  faults.push(...(await inspect(ana, 'settings-profile-fault')));
  await page.getByRole('radio', { name: 'Initials' }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await ana.sees('Saved');
  await until('ben sees the name', () => ben.page.locator('[data-user=ana]').getByText('Ana María').isVisible());

  await page.getByRole('link', { name: 'Back to the rooms' }).click();
  await ana.isConnected();
  await until('the conversation is back', () => page.getByLabel('Write to #general').isVisible());
  assert.deepEqual(faults, []);
});

story('a sign-in elsewhere is ended from here', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const phone = await stage.person('phone', 880, DESK);
  await ana.setsUp(server);
  await phone.opens(server.url);
  await signsIn(phone, PASSWORD);
  await phone.joins('Lounge');

  const { page } = ana;
  await ana.opens(`${server.url}/settings/devices`);
  const there = page.getByRole('button', { name: /^Sign out of Chrome/ });
  await until('the other sign-in is in the list', async () => (await there.count()) === 1);
  await there.click();
  await phone.sees('You are signed out here.');
  await until('it is gone from the list', async () => (await there.count()) === 0);
  await ana.isInside();

  // And everywhere, from the one that is left.
  await page.getByRole('button', { name: 'Sign out everywhere, here too' }).click();
  await until('the door is there', () => page.getByRole('button', { name: 'Sign in', exact: true }).isVisible());
});

story('another password, and the end of an account', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  await ben.opens(`${server.url}/c/general`);
  await ben.posts('This stays.');
  await ana.sees('This stays.');

  const { page } = ben;
  await ben.opens(`${server.url}/settings/sign-in`);
  await page.getByLabel('Present password').fill('not the password');
  await page.getByLabel('New password').fill(NEW);
  await page.getByRole('button', { name: 'Change password' }).click();
  await ben.sees('This is not your password.');
  await page.getByLabel('Present password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Change password' }).click();
  await ben.sees('Your password is changed.');

  const faults = [];
  for (const { viewport } of [TABLET, PHONE, DESK]) {
    await page.setViewportSize(viewport);
    await page.getByRole('button', { name: 'Delete my account' }).click();
    await until('the dialog is there', () => page.getByRole('dialog').isVisible());
    faults.push(...(await inspect(ben, 'settings-end')));
    await page.getByRole('button', { name: 'Keep it' }).click();
  }
  await page.getByRole('button', { name: 'Delete my account' }).click();
  await page.getByRole('dialog').getByLabel('Password').fill(NEW);
  await page.getByRole('dialog').getByRole('button', { name: 'Delete account' }).click();
  await until('the door is there', () => page.getByRole('button', { name: 'Sign in', exact: true }).isVisible());
  await ana.sees('Deleted account');
  await ana.sees('This stays.');
  assert.deepEqual(faults, []);
});

story('an admin looks after the people', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const { page } = ana;
  const button = (name) => page.getByRole('button', { name, exact: true });
  const row = (name) => page.locator(`[data-person=${name}]`);
  const faults = [];

  for (const { viewport } of [TABLET, PHONE, DESK]) {
    await page.setViewportSize(viewport);
    await ana.opens(`${server.url}/admin/people`);
    await until('ben is in the list', () => row('ben').isVisible());
    faults.push(...(await inspect(ana, 'settings-people')));
    await button('Manage ben').click();
    faults.push(...(await inspect(ana, 'settings-person')));
    await button('Close').click();
    await button('New account').click();
    faults.push(...(await inspect(ana, 'settings-new-account')));
    await button('Cancel').click();
  }

  await button('Manage ana').click();
  await button('Make member').click();
  await ana.sees('You are the only admin.');
  await button('Close').click();

  await button('Manage ben').click();
  await button('Shut out').click();
  await ben.sees('You are signed out here.');
  await button('Let in again').click();
  await until('ben may come in again', () => button('Shut out').isVisible());
  await button('Link for a new password').click();
  const link = await page.getByLabel('Link for a new password').inputValue();
  await button('Close').click();
  await ben.opens(link);
  await ben.page.getByLabel('New password', { exact: true }).fill(NEW);
  await ben.page.getByRole('button', { name: 'Take this password' }).click();
  await ben.sees('Your password is changed.');

  await button('New account').click();
  await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('cai');
  await page.getByRole('dialog').getByLabel('E-mail', { exact: true }).fill('cai@example.org');
  await page.getByRole('dialog').getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('dialog').getByRole('button', { name: 'Create account' }).click();
  await ana.sees('cai has an account.');
  await until('cai is in the list', () => row('cai').isVisible());
  assert.deepEqual(faults, []);
});

async function signsOut(person) {
  const { page } = person;
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await until('the door is there', () => page.getByRole('button', { name: 'Sign in', exact: true }).isVisible());
}

async function signsIn(person, password) {
  const { page } = person;
  await page.getByLabel('E-mail or name').fill('ana');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await person.isInside();
}
