//! What a page says of itself: Open Graph, or else its title and description.
//!
//! Pure. Nothing of it is trusted: text loses what no reader could see and is cut; addresses are http or https or
//! they are dropped. Start with [`read`].

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use url::Url;

/// Characters of each line that are kept: what fits a card.
const SITE_MAX: usize = 60;
const TITLE_MAX: usize = 160;
const DESCRIPTION_MAX: usize = 320;

/// No address that people mean is longer.
const ADDRESS_MAX: usize = 2_048;

/// Bytes at the beginning in which a page may say how it is encoded (HTML standard, section 13.2.3.2).
const PRESCAN: usize = 1_024;

/// What a page says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The address it wants to be known by, when that is one of the same host.
    pub address: Option<Url>,
    /// What it belongs to, or nothing.
    pub site: String,
    /// Never empty.
    pub title: String,
    /// Or nothing.
    pub description: String,
    /// Where its picture is.
    pub picture: Option<Url>,
}

/// What a page at this address says, if it has a title.
pub fn read(bytes: &[u8], content_type: &str, at: &Url) -> Option<Page> {
    let (text, _, _) = encoding(bytes, content_type).decode(bytes);
    let said = Said::of(&text);
    let title = [said.og_title, said.title].into_iter().flatten().map(|text| line(&text, TITLE_MAX));
    let description = [said.og_description, said.description].into_iter().flatten();
    let first = |mut texts: Vec<String>| {
        texts.retain(|text| !text.is_empty());
        texts.into_iter().next()
    };
    Some(Page {
        // A page of another host would lead people elsewhere than they were shown.
        address: said.og_url.and_then(|url| address(&url, at)).filter(|url| site(url) == site(at)),
        site: said.og_site.map(|text| line(&text, SITE_MAX)).unwrap_or_default(),
        title: first(title.collect())?,
        description: first(description.map(|text| line(&text, DESCRIPTION_MAX)).collect())
            .unwrap_or_default(),
        picture: said.og_image.and_then(|url| address(&url, at)),
    })
}

/// As it stands there, the first of each.
#[derive(Default)]
struct Said {
    title: Option<String>,
    description: Option<String>,
    og_title: Option<String>,
    og_description: Option<String>,
    og_site: Option<String>,
    og_url: Option<String>,
    og_image: Option<String>,
}

impl Said {
    fn of(html: &str) -> Self {
        let mut said = Self::default();
        let mut in_title = false;
        // What stands in titles and scripts is text, as in a browser.
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
            match token {
                Token::StartTag(tag) if *tag.name == b"meta" => said.meta(&tag),
                Token::StartTag(tag) if *tag.name == b"title" && said.title.is_none() => {
                    in_title = true;
                    said.title = Some(String::new());
                }
                Token::String(text) if in_title => {
                    said.title.get_or_insert_default().push_str(&String::from_utf8_lossy(&text));
                }
                Token::EndTag(tag) if *tag.name == b"title" => in_title = false,
                Token::StartTag(_)
                | Token::EndTag(_)
                | Token::String(_)
                | Token::Comment(_)
                | Token::Doctype(_)
                | Token::Error(_) => {}
            }
        }
        said
    }

    fn meta(&mut self, tag: &StartTag<()>) {
        let value = |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(value));
        let Some(name) = value(b"property").or_else(|| value(b"name")) else { return };
        let place = match name.trim().to_ascii_lowercase().as_str() {
            "description" => &mut self.description,
            "og:title" => &mut self.og_title,
            "og:description" => &mut self.og_description,
            "og:site_name" => &mut self.og_site,
            "og:url" => &mut self.og_url,
            "og:image" | "og:image:url" => &mut self.og_image,
            _ => return,
        };
        if let Some(content) = value(b"content")
            && place.is_none()
        {
            *place = Some(content.into_owned());
        }
    }
}

/// How the bytes are to be read: a mark at their beginning, what the server says, what the page says, what they look like.
fn encoding(bytes: &[u8], content_type: &str) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    if let Some(encoding) = label(content_type.as_bytes()) {
        return encoding;
    }
    match label(&bytes[..bytes.len().min(PRESCAN)]) {
        // What says so in letters of one byte is not written in two.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => UTF_8,
        Some(encoding) => encoding,
        None if is_utf8(bytes) => UTF_8,
        None => WINDOWS_1252,
    }
}

/// Whether this is UTF-8, perhaps cut within a character at its end.
fn is_utf8(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// The encoding after the first `charset=`.
fn label(bytes: &[u8]) -> Option<&'static Encoding> {
    let lower = bytes.to_ascii_lowercase();
    let at = lower.windows(7).position(|some| some == b"charset")? + 7;
    let rest = lower[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b';' | b'>' | b'/');
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    Encoding::for_label(&rest[..end])
}

/// One line of at most `max` characters, without what no reader could see.
fn line(text: &str, max: usize) -> String {
    let seen: String = text.chars().map(|one| if one.is_whitespace() { ' ' } else { one }).collect();
    let seen: String = seen.chars().filter(|one| !one.is_control() && !turns_or_hides(*one)).collect();
    let words: Vec<&str> = seen.split(' ').filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(max) {
        None => line,
        Some(_) => {
            let end = line.char_indices().nth(max - 1).map_or(line.len(), |(at, _)| at);
            format!("{}\u{2026}", line[..end].trim_end())
        }
    }
}

/// Marks that turn the direction of writing, and characters without width, but for those that emoji are joined with.
fn turns_or_hides(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// An address in a page, if it is one that anybody may be led to.
fn address(text: &str, at: &Url) -> Option<Url> {
    let mut url = at.join(text.trim()).ok()?;
    url.set_fragment(None);
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host();
    let nameless = url.username().is_empty() && url.password().is_none();
    (plain && nameless && url.as_str().len() <= ADDRESS_MAX).then_some(url)
}

fn site(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Url {
        Url::parse("https://www.example.org/a/b?c=d").unwrap()
    }

    fn page(html: &str) -> Option<Page> {
        read(html.as_bytes(), "text/html", &at())
    }

    #[test]
    fn open_graph_goes_before_title_and_description() {
        let both = page(
            "<!doctype html><head><title>Plain</title><meta name=description content='Plain words'>
             <meta property=og:title content='Graph &amp; title'><meta property='og:description' content=Words>
             <meta property=og:site_name content='The\tExample'><meta property=og:url content=/canonical#part>
             <meta property=og:image content='../x.png'><body><title>Not this</title>",
        )
        .unwrap();
        assert_eq!(both.title, "Graph & title");
        assert_eq!(both.description, "Words");
        assert_eq!(both.site, "The Example");
        assert_eq!(both.address.unwrap().as_str(), "https://www.example.org/canonical");
        assert_eq!(both.picture.unwrap().as_str(), "https://www.example.org/x.png");
        let plain =
            page("<TITLE>\n Caf&eacute;\n &lt;b&gt; </TITLE><META NAME='Description' CONTENT='d'>").unwrap();
        assert_eq!((plain.title.as_str(), plain.description.as_str()), ("Caf\u{e9} <b>", "d"));
        assert_eq!((plain.address, plain.picture), (None, None));
        let empty = page("<title>Plain</title><meta property=og:title content=' '>").unwrap();
        assert_eq!(empty.title, "Plain");
    }

    #[test]
    fn a_page_that_says_nothing_is_nothing() {
        for html in [
            "",
            "words",
            "<title></title>",
            "<title>\u{200b}\u{202e}</title>",
            "<meta name=description content=d>",
        ] {
            assert_eq!(page(html), None, "{html:?}");
        }
        // What stands in a script or a comment is not said.
        assert_eq!(page("<script>'<title>x</title>'</script><!-- <title>y</title> -->"), None);
    }

    #[test]
    fn an_address_that_is_none_to_follow_is_dropped() {
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " java\tscript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://example.org/x",
            "mailto:a@example.org",
            "https://user:secret@www.example.org/",
            "https://",
            "http://[::1",
        ] {
            let html = format!(
                "<title>t</title><meta property=og:url content='{bad}'><meta property=og:image content='{bad}'>"
            );
            let page = page(&html).unwrap();
            assert_eq!((page.address, page.picture), (None, None), "{bad}");
        }
        // One of another host would lead elsewhere than the card says.
        let other = page("<title>t</title><meta property=og:url content='https://evil.example/'>").unwrap();
        assert_eq!(other.address, None);
        let bare = page("<title>t</title><meta property=og:url content='//example.org/x'>").unwrap();
        assert_eq!(bare.address.unwrap().as_str(), "https://example.org/x");
    }

    #[test]
    fn lines_are_short_and_can_be_seen() {
        let long = page(&format!("<title>{}</title>", "\u{e4}b ".repeat(400))).unwrap();
        assert!((TITLE_MAX - 1..=TITLE_MAX).contains(&long.title.chars().count()), "{}", long.title);
        assert!(long.title.ends_with('\u{2026}'));
        let hidden = page("<title>a\u{202e}b\0c\u{7}d\u{200b}e &#x202e;f &#0;g</title>").unwrap();
        assert!(
            hidden.title.chars().all(|one| !one.is_control() && !turns_or_hides(one)),
            "{:?}",
            hidden.title
        );
        let family = "\u{1f468}\u{200d}\u{1f469}";
        assert_eq!(page(&format!("<title>{family}</title>")).unwrap().title, family);
    }

    #[test]
    fn pages_are_read_in_their_own_encoding() {
        let title = |bytes: &[u8], content_type: &str| read(bytes, content_type, &at()).unwrap().title;
        assert_eq!(title("<title>\u{e4}</title>".as_bytes(), "text/html"), "\u{e4}");
        assert_eq!(title(b"<title>\xe4</title>", "text/html"), "\u{e4}");
        assert_eq!(title(b"<title>\xe4</title>", "text/html; charset=\"iso-8859-1\""), "\u{e4}");
        assert_eq!(title(b"<meta charset=koi8-r><title>\xc1</title>", "text/html"), "\u{430}");
        assert_eq!(
            title(
                b"<meta http-equiv=x content='text/html; charset=shift_jis'><title>\x82\xa0</title>",
                "text/html"
            ),
            "\u{3042}"
        );
        assert_eq!(
            title(b"\xff\xfe<\0t\0i\0t\0l\0e\0>\0a\0<\0/\0t\0i\0t\0l\0e\0>\0", "text/html; charset=utf-8"),
            "a"
        );
        assert_eq!(title(b"<meta charset=utf-16><title>a</title>", "text/html"), "a");
        assert_eq!(title(b"<meta charset=nonsense><title>a</title>", "text/html; charset=nonsense"), "a");
        // Cut within a character at the end.
        assert_eq!(title(b"<title>\xc3\xa4</title>\xc3", "text/html"), "\u{e4}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), html in "[<>/=\"' a-z!&;#-]{0,300}") {
            read(&bytes, "text/html", &at());
            if let Some(page) = page(&format!("<title>{html}")) {
                proptest::prop_assert!(page.title.chars().count() <= TITLE_MAX);
            }
        }
    }
}
