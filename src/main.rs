//! The binary: reads the settings, runs what was asked for, waits for a signal.

use std::process::ExitCode;

use cromulent::clock::Clock;
use cromulent::config::{self, Command, Settings};
use cromulent::doctor::Trust;
use cromulent::{Server, bench, files, reset_link, telemetry};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let line = match config::read(std::env::args_os()) {
        Ok(line) => line,
        // Help and version arrive here too; clap knows where each is printed and what the exit code is.
        Err(config::Error::Usage(error)) => error.exit(),
        Err(error) => return fail(&error),
    };
    match line.command {
        None => serve(&line.settings).await,
        Some(Command::Serve(settings)) => serve(&settings).await,
        Some(Command::ResetLink(whose)) => print_reset_link(&whose).await,
        Some(Command::Doctor(doctor)) => examine(&doctor).await,
        Some(Command::Bench(bench)) => match bench::run(bench).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
    }
}

// What an operator must see stands on standard output; the log goes to standard error.
#[allow(clippy::print_stdout)]
async fn serve(settings: &Settings) -> ExitCode {
    telemetry::start(settings);
    match files::allow_all() {
        Some(allowed) => tracing::info!(allowed, "open files"),
        None => tracing::warn!("the limit on open files cannot be read; it may be low"),
    }
    // Before anything is bound, so that no signal is missed.
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (mut terminate, mut interrupt) = match (terminate, interrupt) {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => return fail(&error),
    };
    let server = match Server::start(settings, Clock::System).await {
        Ok(server) => server,
        Err(error) => return fail(&error),
    };
    println!("page:       {}", server.url);
    println!("voice:      UDP and TCP {:?}", server.voice_ports);
    if let Some(link) = &server.setup_link {
        println!("setup link: {link}");
        println!("            opens once and makes the first admin");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    server.stop().await;
    ExitCode::SUCCESS
}

#[allow(clippy::print_stdout)]
async fn print_reset_link(whose: &config::ResetLink) -> ExitCode {
    match reset_link(&whose.settings, &whose.name).await {
        Ok(link) => {
            println!("{link}");
            println!("opens once, within a day, and ends every sign-in of {}", whose.name);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

/// Ends with failure when there is a fault, so that a script can ask too.
#[allow(clippy::print_stdout)]
async fn examine(doctor: &config::Doctor) -> ExitCode {
    let report = match cromulent::examine(&doctor.settings, &Clock::System, &Trust::system()).await {
        Ok(report) => report,
        Err(error) => return fail(&error),
    };
    match doctor.json {
        true => match serde_json::to_string(&report) {
            Ok(text) => println!("{text}"),
            Err(error) => return fail(&error),
        },
        false => print!("{report}"),
    }
    if report.has_faults() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[allow(clippy::print_stderr)]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("cromulent: {error}");
    ExitCode::FAILURE
}
