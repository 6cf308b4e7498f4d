//! Hyperlinks: addresses of pages in the text of a message.
//!
//! Pure. Which they are is said as the client says it (`static/src/markdown/address.ts`): http and https alone, outside
//! code. Start with [`first`].

use url::Url;

use super::markup::{self, Piece};

/// Bytes of an address, as written and as it is called in full; no address that people mean is longer.
const LONGEST: usize = 2_048;

/// The first address in `text` that anybody can go to, without what only the browser uses of it (the fragment). One with
/// a name and password in it is none.
pub fn first(text: &str) -> Option<Url> {
    let mut first = None;
    if text.contains("://") {
        markup::read(text, &mut |piece| match piece {
            Piece::Address(address) if first.is_none() => first = parse(address),
            Piece::Address(_) | Piece::Mention(_) => {}
        });
    }
    first
}

fn parse(text: &str) -> Option<Url> {
    let end = text.find(ends).unwrap_or(text.len());
    let shown = without_tail(&text[..end]);
    if shown.len() > LONGEST {
        return None;
    }
    let mut url = Url::parse(shown).ok()?;
    url.set_fragment(None);
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host();
    let nameless = url.username().is_empty() && url.password().is_none();
    (plain && nameless && url.as_str().len() <= LONGEST).then_some(url)
}

/// Marks that stand around addresses, and those that turn the direction of writing.
fn ends(character: char) -> bool {
    matches!(
        character,
        '"' | '\'' | '[' | ']' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// A full stop after an address ends the sentence, and a bracket belongs to it only when it was opened inside.
fn without_tail(address: &str) -> &str {
    let mut rest = address;
    while let Some(last) = rest.chars().next_back() {
        let bracket = last == ')' && rest.matches(')').count() > rest.matches('(').count();
        if !bracket && !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '}' | '*' | '_' | '~') {
            break;
        }
        rest = &rest[..rest.len() - last.len_utf8()];
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        first(text).map(String::from).unwrap_or_default()
    }

    #[test]
    fn the_first_address_of_a_message_is_its_hyperlink() {
        for (text, expected) in [
            ("see https://example.org/a, and https://example.org/b", "https://example.org/a"),
            ("HTTP://EXAMPLE.ORG", "http://example.org/"),
            ("(https://example.org/a)", "https://example.org/a"),
            ("https://example.org/a_(b).", "https://example.org/a_(b)"),
            ("[the notes](https://example.org/notes) say", "https://example.org/notes"),
            ("**https://example.org/a**", "https://example.org/a"),
            ("\"https://example.org/a\"", "https://example.org/a"),
            ("<https://example.org/a>", "https://example.org/a"),
            ("> https://example.org/quoted", "https://example.org/quoted"),
            ("https://example.org/a#part", "https://example.org/a"),
            ("https://b\u{fc}cher.example/\u{e4}", "https://xn--bcher-kva.example/%C3%A4"),
            ("`https://example.org/code` https://example.org/b", "https://example.org/b"),
            ("https://@ https://user:secret@example.org https://example.org/c", "https://example.org/c"),
            ("http://2130706433/", "http://127.0.0.1/"),
        ] {
            assert_eq!(found(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_is_none() {
        for text in [
            "",
            "example.org",
            "ftp://example.org/",
            "javascript:alert(1)//http://",
            "xhttps://example.org/",
            "`https://example.org/`",
            "```\nhttps://example.org/\n```",
            "~~~\nhttps://example.org/",
            "> ```\n> https://example.org/\n> ```",
            "https://",
            "https://?",
            "https://user@example.org/",
            "http://999.1.1.1/",
        ] {
            assert_eq!(found(text), "", "{text:?}");
        }
        assert_eq!(found(&format!("https://example.org/{}", "a".repeat(LONGEST))), "");
        // Short as written, and too long in full.
        assert_eq!(found(&format!("https://example.org/{}", "\u{20ac}".repeat(600))), "");
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_one_or_none(text in ".{0,200}|(https?://|[a-z/().@:#\\[`>\n ]){0,60}") {
            if let Some(url) = first(&text) {
                assert!(matches!(url.scheme(), "http" | "https") && url.username().is_empty());
                assert!(url.as_str().len() <= LONGEST && url.fragment().is_none());
            }
        }
    }
}
