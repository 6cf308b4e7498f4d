// Channels on the page: made, found, joined, private, arranged, archived and deleted, with the keyboard too.
import assert from 'node:assert/strict';
import { Keys } from './support/keys.mjs';
import { DESK, inspect, isFocused, PHONE, TABLET } from './support/screens.mjs';
import { story } from './support/stage.mjs';
import { until } from './support/until.mjs';

/** What somebody does with the channels of the page. */
class Hand {
  constructor(person) {
    this.person = person;
    this.page = person.page;
    this.dialog = this.page.getByRole('dialog');
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  inSheet(name) {
    return this.dialog.getByRole('button', { name, exact: true });
  }

  link(name) {
    return this.page.getByRole('navigation').getByRole('link', { name });
  }

  async presses(name) {
    await this.button(name).first().click();
  }

  async sheetIsGone() {
    await until(`the dialog of ${this.person.name} is closed`, () => this.dialog.isHidden());
  }

  /** Makes a text channel. */
  async makes(name, { topic = '', admission = 'Everybody', adminsOnly = false } = {}) {
    await this.presses('New channel');
    await this.page.getByRole('radio', { name: 'Text' }).check();
    await this.page.getByLabel('Name', { exact: true }).fill(name);
    await this.page.getByLabel('Topic', { exact: true }).fill(topic);
    const group = (title) => this.dialog.getByRole('group', { name: title });
    await group('Who is in it').getByRole('radio', { name: admission }).check();
    if (adminsOnly) await group('Who writes').getByRole('radio', { name: 'Admins only' }).check();
    await this.inSheet('Create').click();
    await this.sheetIsGone();
  }

  async opensSettings(name) {
    await this.page.locator('.main').getByRole('button', { name: `About ${name}`, exact: true }).click();
    await this.inSheet('Settings').click();
  }

  async headings() {
    return this.page.getByRole('navigation').getByRole('heading', { level: 2 }).allInnerTexts();
  }

  async channels() {
    return this.page.getByRole('navigation').getByRole('link').locator('.grow').allInnerTexts();
  }

  async seesChannels(...names) {
    await until(
      `${this.person.name} sees the channels ${names}`,
      () => this.channels(),
      (now) => now.join() === names.join(),
    );
  }
}

story('channels are made, found, joined, left, archived and deleted', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const [admin, member] = [new Hand(ana), new Hand(ben)];

  // One for everybody is there at once; an open one is found and joined.
  await admin.makes('Garden', { topic: 'Beds, seeds and who waters on Sunday' });
  await member.seesChannels('general', 'Garden');
  await admin.makes('Club', { topic: 'For whoever likes', admission: 'Open' });
  await member.seesChannels('general', 'Garden');
  await member.presses('Browse channels');
  await ben.sees('For whoever likes');
  await member.inSheet('Join Club').click();
  await member.sheetIsGone();
  await until('ben is in the club', () => member.page.getByRole('heading', { level: 1, name: 'Club' }).isVisible());
  await member.page.getByLabel('Write to #Club').fill('here I am');
  await ben.presses('Enter');
  await ana.sees('here I am');

  // Whoever leaves is out; the page says how to come back.
  await member.presses('About Club');
  await member.inSheet('Leave channel').click();
  await member.sheetIsGone();
  await member.seesChannels('general', 'Garden');
  await ben.sees('You are not in Club');
  await member.presses('Join');
  await ben.sees('here I am');

  // A private one is there for those who are added, and for nobody else.
  await admin.makes('Den', { admission: 'Private' });
  await ben.opens(`${server.url}/c/den`);
  await ben.sees('This channel is not open to you');
  await admin.presses('About Den');
  await admin.inSheet('Who is in it').click();
  await admin.page.getByLabel('Add somebody').fill('be');
  await admin.inSheet('Add ben').click();
  await until('ben is listed', () => admin.inSheet('Remove ben').isVisible());
  await until('ben is in the den', () => member.page.getByLabel('Write to #Den').isVisible());
  await admin.inSheet('Remove ben').click();
  await ben.sees('This channel is not open to you');
  await admin.inSheet('Close').click();
  await isFocused(admin.page.locator('.main').getByRole('button', { name: 'About Den' }), 'what opened the dialog');

  // An announcement is read by all and written by admins.
  await admin.makes('News', { adminsOnly: true });
  await admin.page.getByLabel('Write to #News').fill('We are open.');
  await ana.presses('Enter');
  await ben.opens(`${server.url}/c/news`);
  await ben.sees('We are open.');
  await ben.sees('Only admins write here.');
  assert.equal(await member.page.getByRole('textbox').count(), 0);

  // A new name moves the address along, also under somebody who reads.
  await admin.opensSettings('News');
  await admin.page.getByLabel('Name', { exact: true }).fill('Noticeboard');
  await admin.inSheet('Save').click();
  await admin.sheetIsGone();
  await until('the address of ben follows', () => member.page.url().endsWith('/c/noticeboard'));
  await ben.sees('We are open.');

  // In the archive it is out of the list and still read.
  await admin.opensSettings('Noticeboard');
  await admin.inSheet('Archive').click();
  await admin.sheetIsGone();
  await ben.sees('This channel is in the archive.');
  await member.seesChannels('general', 'Garden', 'Club');
  await member.presses('Browse channels');
  await member.inSheet('Read Noticeboard').click();
  await ben.sees('We are open.');

  // Deleting wants the name, and is the end.
  await admin.opensSettings('Noticeboard');
  await admin.inSheet('Delete').click();
  await isFocused(admin.page.getByLabel('Name of the channel'), 'the name');
  await admin.page.getByLabel('Name of the channel').fill('news');
  await admin.inSheet('Delete').click();
  await ana.sees('The channel is called Noticeboard.');
  await admin.page.getByLabel('Name of the channel').fill('Noticeboard');
  await admin.inSheet('Delete').click();
  await admin.sheetIsGone();
  await ben.sees('This channel is not open to you');
});

story('channels are arranged under headings with the keyboard alone', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const [admin, member] = [new Hand(ana), new Hand(ben)];
  await admin.makes('Garden');
  await admin.makes('Attic');
  await member.seesChannels('general', 'Garden', 'Attic');

  await admin.button('Arrange channels').focus();
  await ana.presses('Enter');
  await admin.page.getByLabel('New heading').focus();
  await admin.page.keyboard.type('Work');
  await ana.presses('Enter');
  const up = admin.inSheet('Move Attic up');
  await up.focus();
  await ana.presses('Enter');
  await member.seesChannels('general', 'Attic', 'Garden');
  // The button that was pressed has moved, and the focus with it.
  await isFocused(up, 'the button that moved');
  await ana.presses('Enter');
  await member.seesChannels('Attic', 'general', 'Garden');
  await admin.inSheet('Move Garden down').focus();
  await ana.presses('Enter');
  await until('the garden stands under its heading', () => member.headings(), (now) => now.join() === 'Voice,Text,Work');
  await isFocused(admin.inSheet('Move Garden down'), 'the button that moved');
  await admin.page.getByLabel('Name of the heading Work').fill('Outdoors');
  await ana.presses('Enter');
  await until('the heading is renamed', () => member.headings(), (now) => now.join() === 'Voice,Text,Outdoors');
  await admin.inSheet('Take the heading Outdoors away').focus();
  await ana.presses('Enter');
  await until('the heading is gone', () => member.headings(), (now) => now.join() === 'Voice,Text');
  await member.seesChannels('Attic', 'general', 'Garden');
  await ana.presses('Escape');
  await isFocused(admin.button('Arrange channels'), 'what opened the dialog');
});

/** A narrow page, or one enlarged four times. */
const NARROW = { viewport: { width: 390, height: 844 } };

story('on a narrow page the keys alone lead everywhere, and what is wrong is said at its field', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, NARROW);
  const { page } = ana;
  const hand = new Hand(ana);
  const keys = new Keys(ana);
  const field = (name) => page.getByLabel(name, { exact: true });
  const names = [
    ['', '2 to 40 letters a to z'],
    ['Änne', '2 to 40 letters a to z'],
    ['admin', 'This word means something else here'],
  ];

  // The first run.
  await ana.opens(await server.setupLink());
  await until('the form is there', () => field('Name').isVisible());
  await keys.triesIn(field('Name'), names);
  await keys.writes('ana');
  await keys.to(field('E-mail'), 'the e-mail');
  await keys.writes('ana@example.org');
  await keys.triesIn(field('Password'), [['short', 'At least 12 characters']]);
  await keys.writes('short and then long');
  await ana.presses('Enter');
  await ana.isInside();

  // A channel is made, and changed.
  await keys.presses(hand.button('New channel'), 'the way to a new channel');
  await isFocused(field('Name'), 'the name of the channel');
  await keys.triesIn(field('Name'), [['', '1 to 60 characters']]);
  await keys.writes('Garden');
  await keys.to(page.getByRole('radio', { name: 'Voice', exact: true }), 'the kind');
  await ana.presses('ArrowRight');
  await keys.presses(hand.inSheet('Create'), 'the button that makes it');
  await until('the garden is open', () => page.getByRole('heading', { level: 1, name: 'Garden' }).isVisible());
  const about = page.locator('.main').getByRole('button', { name: 'About Garden', exact: true });
  await keys.presses(about, 'what the garden is about');
  await keys.presses(hand.inSheet('Settings'), 'its settings');
  await keys.to(field('Topic'), 'the topic');
  await keys.writes('Beds and seeds');
  await ana.presses('Enter');
  await hand.sheetIsGone();
  await isFocused(about, 'what opened the first dialog');

  // What there is to join.
  await keys.presses(hand.button('Rooms'), 'the way back');
  await keys.presses(hand.button('Browse channels'), 'the channels to join');
  await ana.sees('You are in every channel that is open to you.');
  await ana.presses('Escape');
  await isFocused(hand.button('Browse channels'), 'what opened the dialog');

  // One's own settings.
  await keys.presses(hand.button('Menu'), 'the menu');
  await keys.presses(page.getByRole('link', { name: 'Settings', exact: true }), 'the settings');
  await keys.presses(page.getByRole('link', { name: 'Profile', exact: true }), 'the profile');
  await until('the profile is there', () => field('Name to show').isVisible());
  await keys.triesIn(field('Name to show'), [['system', 'This word means something else here']]);
  await keys.writes('Änne');
  await ana.presses('Enter');
  await ana.sees('Saved');
  await keys.presses(page.getByRole('link', { name: 'Back to settings' }), 'the list of settings');
  await keys.presses(page.getByRole('link', { name: 'Back to the rooms' }), 'the rooms');

  // Out, past the form for a new account, and in again, once with a wrong password.
  await keys.presses(hand.button('Menu'), 'the menu');
  await keys.presses(hand.button('Sign out'), 'the way out');
  await until('the door is there', () => hand.button('Sign in').isVisible());
  await keys.presses(hand.button('Create an account'), 'the form for a new account');
  await keys.triesIn(field('Name'), names);
  await keys.presses(hand.button('Sign in instead'), 'the way back to the door');
  await keys.triesIn(field('E-mail or name'), [['', 'Write your e-mail or your name']]);
  await keys.writes('ana');
  await keys.triesIn(field('Password'), [['something else', 'do not match']]);
  await keys.writes('short and then long');
  await ana.presses('Enter');
  await ana.isInside();
  assert.deepEqual(keys.unseen, []);
});

story('the dialogs of channels are sound, in every width and theme', async (stage) => {
  const server = await stage.server();
  const ana = await stage.person('ana', 440, DESK);
  const ben = await stage.person('ben', 880, DESK);
  await ana.setsUp(server);
  await ben.signsUp(server);
  const admin = new Hand(ana);
  await admin.makes('Announcements', { adminsOnly: true, topic: 'What everybody should know' });
  await admin.makes('Board', { admission: 'Private', topic: 'Money, roof, and the letter from the town' });
  await admin.presses('Arrange channels');
  for (const heading of ['Work', 'House and garden']) {
    await admin.page.getByLabel('New heading').fill(heading);
    await admin.inSheet('Add').click();
    await until('the heading is there', () => admin.page.getByLabel(`Name of the heading ${heading}`).isVisible());
  }
  await admin.inSheet('Move Board down').click();
  await admin.inSheet('Close').click();
  for (const name of ['Seeds', 'Tools']) {
    await admin.makes(name, { admission: 'Open', topic: `Everything about ${name.toLowerCase()}, and a second line for the narrow page` });
    await admin.presses(`About ${name}`);
    await admin.inSheet('Leave channel').click();
    await admin.sheetIsGone();
  }
  const faults = [];
  const look = async (screen) => faults.push(...(await inspect(ana, screen)));
  for (const { viewport } of [DESK, TABLET, PHONE]) {
    await admin.page.setViewportSize(viewport);
    await ana.opens(server.url);
    await ana.isInside();
    await look('channels-list');
    await admin.presses('Browse channels');
    await until('there is something to join', () => admin.inSheet('Join Seeds').isVisible());
    await look('channels-browse');
    await ana.presses('Escape');
    await isFocused(admin.button('Browse channels'), 'what opened the dialog');
    await admin.presses('Arrange channels');
    await look('channels-arrange');
    await ana.presses('Escape');
    await ana.opens(`${server.url}/c/board`);
    await ana.isInside();
    await ana.sees('Money, roof');
    await look('channels-topic');
    const about = admin.page.locator('.main').getByRole('button', { name: 'About Board' });
    await about.click();
    await look('channels-about');
    await admin.inSheet('Who is in it').click();
    await until('somebody is in it', () => admin.dialog.getByText('1 person').isVisible());
    await admin.page.getByLabel('Add somebody').fill('b');
    await look('channels-members');
    await admin.inSheet('Close').click();
    await isFocused(about, 'what opened the first dialog');
    await admin.opensSettings('Board');
    await look('channels-settings');
    await admin.inSheet('Delete').click();
    await look('channels-delete');
    await ana.presses('Escape');
    await isFocused(about, 'what opened the first dialog');
  }
  await ben.opens(`${server.url}/c/announcements`);
  await ben.sees('Only admins write here.');
  faults.push(...(await inspect(ben, 'channels-read-only')));
  await ben.opens(`${server.url}/c/seeds`);
  await ben.sees('You are not in Seeds');
  faults.push(...(await inspect(ben, 'channels-not-in-it')));
  assert.deepEqual(faults, []);
});
