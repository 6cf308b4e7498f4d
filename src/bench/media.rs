//! `cromulent bench media`: what forwarding voice costs, and how long people wait for it.
//!
//! The server is one process, all people are another, this one: what the server costs is read off its process
//! alone. Everything is real: accounts over HTTP, a WebSocket each, ICE, DTLS and SRTP over UDP. Right after the
//! measured time comes the floor, with the same people as listeners.

use std::time::{Duration, Instant};

use super::Error;
use super::booth::Window;
use super::client::Http;
use super::cpu::CpuTime;
use super::flags::Media;
use super::floor::{self, Floor};
use super::people::People;
use super::plan::Plan;
use super::progress::Progress;
use super::report::{Cost, Joins, Report};
use super::rooms;
use super::runs::Runs;
use super::server::{OwnServer, Server, Setup};
use super::sink;
use crate::files;

/// Talk that is not measured: first packets, first allocations, the last joins' events.
pub(super) const WARM_UP: Duration = Duration::from_secs(1);

/// How long after the measured time a packet may still come. What is later than this is lost to any listener.
const LATE: Duration = Duration::from_millis(500);

/// How long after the talk all people have taken note that it is over, and what was under way has come.
const HUSH: Duration = Duration::from_millis(200);

/// Threads of the server that forward voice are called this and a number.
pub(super) const WORKER: &str = "sfu-";

/// Measures, as often as asked for. Ends the servers it started, whatever happens.
pub async fn run(media: &Media) -> Result<Runs, Error> {
    media.check()?;
    let plan = media.plan();
    check_open_files(plan)?;
    let mut runs = Vec::with_capacity(media.runs.into());
    for _ in 0..media.runs {
        runs.push(run_once(media, plan).await?);
    }
    Ok(Runs::new(runs))
}

async fn run_once(media: &Media, plan: Plan) -> Result<Report, Error> {
    let server = match media.addr {
        Some(address) => Server::Given { address, pid: media.server_pid },
        None if media.sink => return sink::run(media, plan).await,
        None => Server::Own(Box::new(start(media, Setup::default()).await?)),
    };
    let report = measure(&server, plan, media).await;
    if let Server::Own(server) = server {
        server.stop().await;
    }
    report
}

/// Starts the server as the flags have it; the rest of `setup` stays.
pub(super) async fn start(media: &Media, setup: Setup) -> Result<OwnServer, Error> {
    let own = std::env::current_exe().map_err(|error| Error::NoServer(error.to_string()))?;
    let binary = media.server_binary.as_ref().unwrap_or(&own);
    let setup = Setup {
        workers: media.workers.unwrap_or(setup.workers),
        slots: media.slots.unwrap_or(setup.slots),
        gso: media.gso,
        ..setup
    };
    let server = OwnServer::start(binary, setup).await?;
    if media.rooms > 1 {
        rooms::open(Http(server.address), server.setup_token.clone(), media.rooms).await?;
    }
    Ok(server)
}

async fn measure(server: &Server, plan: Plan, media: &Media) -> Result<Report, Error> {
    let seconds = media.seconds;
    // What cannot be read then cannot be read now, and nobody needs to come for it.
    server.cpu_time()?;
    let empty = server.resident();
    let mut progress = Progress::default();
    let arrived = |count| progress.say(&format!("{count} of {} people are there", plan.everybody()));
    let mut people = People::gather(Http(server.address()), plan, arrived).await?;

    let from = Instant::now() + WARM_UP;
    let window = Window { from, until: from + Duration::from_secs(seconds.into()) };
    people.talk(window);
    tokio::time::sleep_until(window.from.into()).await;
    let before = (server.cpu_time()?, own_cpu_time());
    for second in 0..seconds {
        progress.say(&format!("{second} of {seconds} seconds are measured"));
        tokio::time::sleep_until((window.from + Duration::from_secs(u64::from(second) + 1)).into()).await;
    }
    let after = (server.cpu_time()?, own_cpu_time());
    let full = server.resident();
    tokio::time::sleep(LATE).await;

    people.note_late_joins();

    let spent =
        |after: &Option<CpuTime>, before: &Option<CpuTime>| Some(after.as_ref()?.since(before.as_ref()?));
    let (server_spent, client_spent) = (spent(&after.0, &before.0), spent(&after.1, &before.1));
    let each_worker = after.0.zip(before.0).map(|(after, before)| after.of_each_since(&before, WORKER));
    let floor = match server_spent {
        // Where nobody talked there is nothing to send once more.
        Some(_) if plan.talkers > 0 => {
            progress.say("the floor is measured");
            Some(measure_floor(&people, plan, media).await?)
        }
        // Of a server elsewhere there is nothing to compare it with.
        Some(_) | None => None,
    };
    progress.say("everybody goes home");
    let cost = Cost {
        workers: server.workers(),
        slots: people.slots,
        server: server_spent,
        each_worker,
        client: client_spent,
        floor,
        resident: full.zip(empty).map(|(full, empty)| full.saturating_sub(empty)),
        sunk: None,
        srtp_profile: people.srtp_profile,
    };
    let (early, late) = (people.joins.clone(), people.late_joins.clone());
    let counted = people.go_home().await?;
    Ok(Report::new(plan, seconds, cost, Joins { early: &early, late: &late }, &counted))
}

/// Sends the same people as much once more; what sending alone has cost.
pub(super) async fn measure_floor(people: &People, plan: Plan, media: &Media) -> Result<Duration, Error> {
    let floor = Floor::new(plan, people, media.gso)?;
    people.discard_from(floor.address()?);
    tokio::time::sleep(HUSH).await;
    let spent = floor::measure(floor, media.seconds).await?;
    tokio::time::sleep(LATE).await;
    Ok(spent)
}

/// Of this process, in which the people are.
pub(super) fn own_cpu_time() -> Option<CpuTime> {
    CpuTime::of(std::process::id()).ok()
}

/// Says no before the first person comes, when there are not enough file descriptors for the last.
fn check_open_files(plan: Plan) -> Result<(), Error> {
    // Two sockets each, a third while somebody registers, and what a process has anyway.
    let needed = 2 * plan.everybody() + usize::from(plan.joins_at_once) + 64;
    // Where it cannot be read, the sockets themselves will tell.
    match files::allow_all().map(|allowed| usize::try_from(allowed).unwrap_or(usize::MAX)) {
        Some(allowed) if allowed < needed => Err(Error::TooFewFiles { needed, allowed }),
        Some(_) | None => Ok(()),
    }
}
