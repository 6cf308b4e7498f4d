//! Builds the web client before the server that carries it.
//!
//! Sources are in `static/`, the result is `static/dist`, and `src/web/assets.rs` embeds that. The client is
//! built only when its sources differ from those of the last build: a hash of them is the stamp beside the
//! result. Node's packages are installed only when the lock file is another one than last time.
//!
//! `SKIP_WEB_BUILD=1` needs no Node: it leaves a build that is there alone, and writes a page that says what
//! is missing where there is none.
//!
//! Must never know: what the client is made of. That is `static/package.json`, script `build`.

// A build script speaks to cargo through its standard output.
#![allow(clippy::print_stdout)]

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::{env, fs, io};

/// Everything that decides what the client looks like, inside `static/`. The folders that the build itself
/// writes are left out, or every build would be the reason for the next.
const INPUTS: [&str; 8] = [
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
];

/// The oldest Node that the client's tools run on.
const NODE: (u32, u32) = (20, 19);

/// The stamp of a page that stands in for the client; no hash is ever equal to it.
const PLACEHOLDER: &str = "placeholder";

const PLACEHOLDER_PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Cromulent without its client</title>
<h1>The web client is not in this build</h1>
<p>The server was built with SKIP_WEB_BUILD. Build it again without, on a machine with Node.</p>
</html>
";

/// How many of the last lines of a failed command are worth reading.
const LAST_LINES: usize = 40;

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed=SKIP_WEB_BUILD");
    let client = Client::new(Path::new("static"));
    // Only what exists: cargo takes a path that is missing for one that has changed, every time.
    for input in client.inputs() {
        println!("cargo::rerun-if-changed={}", input.display());
    }

    let skip = env::var("SKIP_WEB_BUILD").is_ok_and(|value| !value.is_empty() && value != "0");
    let done = if skip { client.stand_in() } else { client.build() };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // One error line per line of text; a panic would bury the sentence under a backtrace.
            for line in sentence.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The client's folder.
struct Client {
    home: PathBuf,
}

impl Client {
    fn new(home: &Path) -> Self {
        Self { home: home.to_owned() }
    }

    /// Builds the client if the last build was of other sources.
    fn build(&self) -> Result<(), String> {
        let hash = self.hash().map_err(|error| format!("The client's sources cannot be read: {error}."))?;
        if fs::read_to_string(self.stamp()).is_ok_and(|stamp| stamp == hash) {
            return Ok(());
        }
        self.check_node()?;
        self.install()?;
        self.npm(&["run", "build"])?;
        if !self.dist().join("index.html").exists() {
            return Err("`npm run build` in static/ succeeded but wrote no static/dist/index.html.".into());
        }
        write(&self.stamp(), &hash)
    }

    /// Writes the page that says what is missing, unless some page is there: a real one may be somebody's work.
    fn stand_in(&self) -> Result<(), String> {
        let page = self.dist().join("index.html");
        if page.exists() {
            return Ok(());
        }
        make_folder(&self.dist())?;
        write(&page, PLACEHOLDER_PAGE)?;
        write(&self.stamp(), PLACEHOLDER)
    }

    fn check_node(&self) -> Result<(), String> {
        let needed = |found: &str| {
            format!(
                "The web client needs Node {}.{} or newer with npm to be built; {found}. \
                 Install it, or set SKIP_WEB_BUILD=1 to build the server without the client.",
                NODE.0, NODE.1
            )
        };
        let run = |program| Command::new(program).arg("--version").output();
        let node = run("node").map_err(|_| needed("node was not found"))?;
        let version = String::from_utf8_lossy(&node.stdout).trim().to_owned();
        if parse_version(&version).is_none_or(|version| version < NODE) {
            return Err(needed(&format!("node says it is \"{version}\"")));
        }
        run("npm").map(|_| ()).map_err(|_| needed("npm was not found"))
    }

    /// Installs the packages that the lock file names. A copy of the lock file is kept among them, so that
    /// whoever deletes the packages deletes the claim that they are there.
    fn install(&self) -> Result<(), String> {
        let lock = fs::read(self.home.join("package-lock.json"))
            .map_err(|error| format!("static/package-lock.json cannot be read: {error}."))?;
        let packages = self.home.join("node_modules");
        let installed = packages.join(".installed-lock.json");
        if fs::read(&installed).is_ok_and(|installed| installed == lock) {
            return Ok(());
        }
        // The build tools are dev dependencies; NODE_ENV=production in the environment would leave them out.
        self.npm(&["ci", "--include=dev", "--no-audit", "--no-fund"])?;
        make_folder(&packages)?;
        write(&installed, &lock)
    }

    fn npm(&self, arguments: &[&str]) -> Result<(), String> {
        let command = format!("npm {}", arguments.join(" "));
        let output = Command::new("npm")
            .args(arguments)
            .current_dir(&self.home)
            .output()
            .map_err(|error| format!("`{command}` in static/ did not start: {error}."))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("`{command}` in static/ failed ({}):\n{}", output.status, last_lines(&output)))
    }

    /// The inputs that exist.
    fn inputs(&self) -> impl Iterator<Item = PathBuf> {
        INPUTS.iter().map(|input| self.home.join(input)).filter(|input| input.exists())
    }

    /// One number for the paths and contents of all inputs. The hasher has fixed keys; another toolchain may
    /// compute another number, and then the client is built once more.
    fn hash(&self) -> io::Result<String> {
        let mut hasher = DefaultHasher::new();
        for input in self.inputs() {
            hash_path(&input, &mut hasher)?;
        }
        Ok(format!("{:016x}", hasher.finish()))
    }

    fn dist(&self) -> PathBuf {
        self.home.join("dist")
    }

    fn stamp(&self) -> PathBuf {
        self.dist().join(".stamp")
    }
}

fn hash_path(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    path.hash(hasher);
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        entries.iter().try_for_each(|entry| hash_path(entry, hasher))
    } else {
        fs::read(path)?.hash(hasher);
        Ok(())
    }
}

/// `v20.19.2` as `(20, 19)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("{} cannot be made: {error}.", path.display()))
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), String> {
    fs::write(path, content).map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}

fn last_lines(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
