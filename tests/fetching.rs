use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cromulent::fetch::picture::Size;
use cromulent::fetch::reach::Reach;
use cromulent::fetch::{Failure, Fetcher, Found, Resolver};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use url::Url;

use crate::support::site::{Reply, Site, ok, png};

/// Long enough for everything on loopback.
const LONG: Duration = Duration::from_secs(20);

/// Too short for whoever says nothing more, and the story goes on.
const SHORT: Duration = Duration::from_millis(400);

const HTML: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";

/// Nobody has an address but by these answers, the first time by the first and so on; the last one stays.
fn names(answers: &[&[&str]]) -> (Resolver, Arc<AtomicUsize>) {
    let answers: Vec<Vec<IpAddr>> =
        answers.iter().map(|all| all.iter().map(|address| address.parse().unwrap()).collect()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let resolver: Resolver = Box::new(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let answer = answers.get(turn).or(answers.last()).cloned().unwrap_or_default();
        Box::pin(async move { Ok(answer) })
    });
    (resolver, asked)
}

fn reach(allowed: &[&str], ports: &[u16]) -> Reach {
    Reach::new(allowed.iter().map(|network| network.parse().unwrap()).collect(), ports.to_vec())
}

/// One that goes to this site and no further, which it knows by any name.
fn fetcher_for(site: &Site, patience: Duration) -> Fetcher {
    let reach = reach(&["127.0.0.1"], &[site.address.port()]);
    Fetcher::with(reach, names(&[&["127.0.0.1"]]).0, RootCertStore::empty(), patience)
}

fn title(found: Result<Found, Failure>) -> String {
    match found {
        Ok(Found::Page(page, _)) => page.title,
        other => panic!("{other:?}"),
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[tokio::test]
async fn nothing_private_is_gone_to_however_it_is_written() {
    let site = Site::start().await;
    let port = site.address.port();
    let strict = Fetcher::with(reach(&[], &[80, 443, port]), names(&[]).0, RootCertStore::empty(), LONG);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "127.8.9.10",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "0xa.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    ] {
        let found = strict.look(&url(&format!("http://{host}:{port}/"))).await;
        assert!(matches!(found, Err(Failure::Private(_))), "{host}: {found:?}");
    }
    // By a name, whichever of its addresses is private.
    for addresses in [
        &["127.0.0.1"][..],
        &["8.8.8.8", "10.0.0.1"],
        &["::1"],
        &["2606:4700::1111", "::ffff:169.254.169.254"],
    ] {
        let by_name = Fetcher::with(reach(&[], &[port]), names(&[addresses]).0, RootCertStore::empty(), LONG);
        let found = by_name.look(&site.url_at("rebound.example", "/")).await;
        assert!(matches!(found, Err(Failure::Private(_))), "{addresses:?}: {found:?}");
    }
    assert_eq!(site.was_asked().len(), 0);
}

#[tokio::test]
async fn nothing_but_the_web_is_gone_to() {
    let site = Site::start().await;
    let fetcher = fetcher_for(&site, LONG);
    for (address, expected) in [
        ("ftp://127.0.0.1/", Failure::Address),
        ("file:///etc/passwd", Failure::Address),
        ("gopher://127.0.0.1:80/", Failure::Address),
        ("http://127.0.0.1:22/", Failure::Port(22)),
        ("http://127.0.0.1/", Failure::Port(80)),
        ("https://127.0.0.1:6379/", Failure::Port(6379)),
    ] {
        assert_eq!(fetcher.look(&url(address)).await.unwrap_err(), expected, "{address}");
    }
    let mut with_name = site.url("/");
    with_name.set_username("ana").unwrap();
    assert_eq!(fetcher.look(&with_name).await.unwrap_err(), Failure::Address);
    let nobody = Fetcher::with(reach(&[], &[80]), names(&[&[]]).0, RootCertStore::empty(), LONG);
    assert_eq!(nobody.look(&url("http://nobody.example/")).await.unwrap_err(), Failure::NoHost);
    assert_eq!(site.was_asked().len(), 0);
}

#[tokio::test]
async fn who_is_asked_learns_nothing_of_who_asks() {
    let site = Site::start().await;
    site.has_page("/a?b=c", "<title>There</title>");
    let fetcher = fetcher_for(&site, LONG);
    let mut address = site.url_at("there.example", "/a?b=c");
    address.set_fragment(Some("part"));
    assert_eq!(title(fetcher.look(&address).await), "There");
    let asked = site.was_asked().pop().unwrap();
    let lines: Vec<String> = asked.trim_end().split("\r\n").map(str::to_lowercase).collect();
    assert_eq!(lines[0], "get /a?b=c http/1.1");
    let mut names: Vec<&str> = lines[1..].iter().map(|line| line.split(':').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "connection", "host", "user-agent"], "{asked}");
    assert!(lines.contains(&format!("host: there.example:{}", site.address.port())), "{asked}");
    assert!(asked.contains("LinkPreview"), "{asked}");
}

#[tokio::test]
async fn a_redirection_is_judged_like_the_first_address() {
    let site = Site::start().await;
    let port = site.address.port();
    let fetcher = fetcher_for(&site, LONG);
    site.has_page("/end", "<title>End</title>");
    for (path, place) in
        [("/3", "/end"), ("/2", "3"), ("/1", &*format!("//there.example:{port}/2")), ("/0", "/1")]
    {
        site.leads(path, place);
    }
    assert_eq!(title(fetcher.look(&site.url("/1")).await), "End");
    assert_eq!(fetcher.look(&site.url("/0")).await.unwrap_err(), Failure::Redirections);
    site.leads("/self", "/self");
    assert_eq!(fetcher.look(&site.url("/self")).await.unwrap_err(), Failure::Redirections);
    let asked = site.was_asked().len();
    for (place, private) in [
        (format!("http://127.0.0.2:{port}/"), true),
        (format!("http://169.254.169.254:{port}/latest/meta-data/"), true),
        (format!("http://[::1]:{port}/"), true),
        (format!("http://2852039166:{port}/"), true),
        ("http://127.0.0.1:22/".to_owned(), false),
        ("file:///etc/passwd".to_owned(), false),
        ("javascript:alert(1)".to_owned(), false),
        (format!("http://ana:secret@127.0.0.1:{port}/end"), false),
        ("http://[".to_owned(), false),
    ] {
        site.leads("/away", &place);
        let failure = fetcher.look(&site.url("/away")).await.unwrap_err();
        let judged = matches!(failure, Failure::Private(_) | Failure::Port(_) | Failure::Address);
        assert!(judged && matches!(failure, Failure::Private(_)) == private, "{place}: {failure:?}");
    }
    assert_eq!(site.was_asked().len(), asked + 9, "only the redirecting page was asked");
    let without_place = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n";
    site.answers("/away", Reply::Bytes(without_place.into()));
    assert_eq!(fetcher.look(&site.url("/away")).await.unwrap_err(), Failure::Status(302));
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_gone_to_where_it_was_judged() {
    let site = Site::start().await;
    site.has_page("/", "<title>Judged</title>");
    site.leads("/again", "/");
    let fetcher = |answers| {
        let (resolver, asked) = names(answers);
        let reach = reach(&["127.0.0.1"], &[site.address.port()]);
        (Fetcher::with(reach, resolver, RootCertStore::empty(), LONG), asked)
    };
    // The second answer would be private: it is not asked for.
    let (once, asked) = fetcher(&[&["127.0.0.1"], &["169.254.169.254"]]);
    assert_eq!(title(once.look(&site.url_at("rebound.example", "/")).await), "Judged");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // With a redirection it is, and judged again.
    let (twice, asked) = fetcher(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let failure = twice.look(&site.url_at("rebound.example", "/again")).await.unwrap_err();
    assert_eq!(failure, Failure::Private("169.254.169.254".parse().unwrap()));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn who_is_slow_is_not_waited_for() {
    let site = Site::start().await;
    let fetcher = fetcher_for(&site, SHORT);
    for reply in
        [String::new(), "HTTP/1.1 200 OK\r\nContent-Type: te".into(), format!("{HTML}\r\n<title>a</title>")]
    {
        site.answers("/slow", Reply::Stalls(reply.clone().into()));
        assert_eq!(fetcher.look(&site.url("/slow")).await.unwrap_err(), Failure::Slow, "{reply:?}");
    }
    let (resolver, _) = names(&[]);
    drop(resolver);
    let silent: Resolver = Box::new(|_| Box::pin(std::future::pending()));
    let lost = Fetcher::with(reach(&[], &[80]), silent, RootCertStore::empty(), SHORT);
    assert_eq!(lost.look(&url("http://slow.example/")).await.unwrap_err(), Failure::Slow);
    // A page is shown without the picture that does not come.
    site.has_page("/page", "<title>Page</title><meta property=og:image content=/picture>");
    site.answers("/picture", Reply::Stalls(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n".to_vec()));
    let Found::Page(page, None) = fetcher.look(&site.url("/page")).await.unwrap() else { panic!() };
    assert_eq!((page.title.as_str(), page.picture), ("Page", None));
}

#[tokio::test]
async fn of_what_has_no_end_the_beginning_is_read() {
    let site = Site::start().await;
    let fetcher = fetcher_for(&site, LONG);
    site.answers("/page", Reply::Endless(format!("{HTML}\r\n<title>Endless</title>").into()));
    assert_eq!(title(fetcher.look(&site.url("/page")).await), "Endless");
    let huge = format!("{HTML}Content-Length: 1073741824\r\n\r\n<title>A gigabyte</title>");
    site.answers("/huge", Reply::Endless(huge.into()));
    assert_eq!(title(fetcher.look(&site.url("/huge")).await), "A gigabyte");
    let late = format!("{}<title>Late</title>", " ".repeat(256 * 1024));
    site.has_page("/late", &late);
    assert_eq!(fetcher.look(&site.url("/late")).await.unwrap_err(), Failure::Nothing);
    let mut picture = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n".to_vec();
    picture.extend(png(10, 10, 0));
    site.answers("/picture", Reply::Endless(picture));
    assert_eq!(fetcher.look(&site.url("/picture")).await.unwrap_err(), Failure::TooLarge);
    site.has("/large.png", "image/png", &png(10, 10, 2 * 1024 * 1024));
    assert_eq!(fetcher.look(&site.url("/large.png")).await.unwrap_err(), Failure::TooLarge);
    // A head without end, by one line and by many.
    for line in [format!("X-Long: {}\r\n", "a".repeat(100_000)), "X-Short: a\r\n".repeat(5_000)] {
        site.answers("/head", Reply::Bytes(format!("{HTML}{line}\r\n<title>a</title>").into()));
        let failure = fetcher.look(&site.url("/head")).await.unwrap_err();
        assert!(matches!(failure, Failure::NoAnswer(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn what_is_neither_page_nor_picture_is_nothing() {
    let site = Site::start().await;
    let fetcher = fetcher_for(&site, LONG);
    let html = b"<title>Not HTML</title>";
    for (path, content_type) in
        [("/pdf", "application/pdf"), ("/json", "application/json"), ("/text", "text/plain"), ("/none", "")]
    {
        site.has(path, content_type, html);
        assert_eq!(fetcher.look(&site.url(path)).await.unwrap_err(), Failure::Nothing, "{content_type}");
    }
    // A picture is what begins like one, and nothing that could run.
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for (path, content_type, bytes) in [
        ("/svg", "image/svg+xml", &svg[..]),
        ("/html.png", "image/png", html),
        ("/bomb.png", "image/png", &png(65_535, 65_535, 0)),
    ] {
        site.has(path, content_type, bytes);
        assert_eq!(fetcher.look(&site.url(path)).await.unwrap_err(), Failure::Nothing, "{path}");
    }
    for coding in ["gzip", "br", "deflate", "zstd"] {
        let head = format!("{HTML}Content-Encoding: {coding}\r\nContent-Length: 4\r\n\r\n\x1f\u{8b}");
        site.answers("/bomb", Reply::Bytes(head.into()));
        assert_eq!(fetcher.look(&site.url("/bomb")).await.unwrap_err(), Failure::Compressed, "{coding}");
    }
    site.answers("/gone", Reply::Bytes(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n".to_vec()));
    assert_eq!(fetcher.look(&site.url("/gone")).await.unwrap_err(), Failure::Status(410));
    for nonsense in [
        &b"SSH-2.0-OpenSSH_9.9\r\n"[..],
        b"",
        b"\0\0\0\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Type: text/html\r\n\r\n<title>cut",
    ] {
        site.answers("/nonsense", Reply::Bytes(nonsense.to_vec()));
        let failure = fetcher.look(&site.url("/nonsense")).await.unwrap_err();
        assert!(matches!(failure, Failure::NoAnswer(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn a_picture_is_fetched_once_for_all_who_look() {
    let site = Site::start().await;
    let fetcher = fetcher_for(&site, LONG);
    site.has("/a.png", "image/png", &png(640, 480, 64));
    site.has_page("/page", "<title>Page</title><meta property=og:image content=/a.png>");
    let Found::Page(page, size) = fetcher.look(&site.url("/page")).await.unwrap() else { panic!() };
    assert_eq!(size, Some(Size { width: 640, height: 480 }));
    let picture = fetcher.picture(&page.picture.unwrap()).await.unwrap();
    assert_eq!((picture.kind.content_type(), picture.bytes.len()), ("image/png", png(640, 480, 64).len()));
    assert_eq!(site.paths(), ["/page", "/a.png"]);
    assert_eq!(fetcher.look(&site.url("/a.png")).await, Ok(Found::Picture(Size { width: 640, height: 480 })));
    // One that is on nobody's shelf any more comes again; what is a page now is no picture.
    site.has("/b.gif", "image/gif", b"GIF89a\x03\0\x02\0\x80\0\0");
    assert_eq!(fetcher.picture(&site.url("/b.gif")).await.unwrap().size, Size { width: 3, height: 2 });
    assert_eq!(fetcher.picture(&site.url("/page")).await.unwrap_err(), Failure::Nothing);
}

#[tokio::test]
async fn https_is_for_those_who_can_prove_their_name() {
    let made = rcgen::generate_simple_self_signed(vec!["there.example".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
    let site = Site::over_tls(TlsAcceptor::from(Arc::new(config.unwrap()))).await;
    site.answers("/", Reply::Bytes(ok("text/html", b"<title>Proven</title>")));
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate).unwrap();
    let ports = [site.address.port()];
    let fetcher =
        |roots| Fetcher::with(reach(&["127.0.0.1"], &ports), names(&[&["127.0.0.1"]]).0, roots, LONG);
    assert_eq!(title(fetcher(trusted.clone()).look(&site.url_at("there.example", "/")).await), "Proven");
    for (roots, host) in [(trusted, "other.example"), (RootCertStore::empty(), "there.example")] {
        let failure = fetcher(roots).look(&site.url_at(host, "/")).await.unwrap_err();
        assert!(matches!(failure, Failure::NoAnswer(_)), "{host}: {failure:?}");
    }
}

#[tokio::test]
async fn a_flood_of_people_who_look_at_pictures_is_bounded() {
    let site = Site::start().await;
    let fetcher = Arc::new(fetcher_for(&site, LONG));
    let results = Arc::new(Mutex::new(Vec::new()));
    let mut lookers = tokio::task::JoinSet::new();
    for n in 0..80 {
        let path = format!("/{n}.png");
        site.answers(&path, Reply::Held(ok("image/png", &png(1, 1, 0))));
        let (fetcher, url, results) = (fetcher.clone(), site.url(&path), results.clone());
        lookers.spawn(async move {
            let found = fetcher.picture(&url).await.map(drop);
            results.lock().unwrap().push(found);
        });
    }
    site.is_asked(4).await;
    // Those for whom there is no place are told so at once.
    while results.lock().unwrap().len() < 16 {
        tokio::task::yield_now().await;
    }
    site.lets_go();
    lookers.join_all().await;
    let results = results.lock().unwrap();
    assert_eq!(results.iter().filter(|found| **found == Err(Failure::Busy)).count(), 16);
    assert_eq!(results.iter().filter(|found| found.is_ok()).count(), 64);
    assert_eq!(site.most_at_once(), 4);
}
