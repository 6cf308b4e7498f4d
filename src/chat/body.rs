//! The text of a message, parsed once at the door.
//!
//! A character is a Unicode scalar value, as the client counts it too. What no reader could see or no database
//! store is taken out rather than refused: people paste, and should not lose their words for it.

use super::Error;

/// Characters a message may have.
pub const BODY_MAX: usize = 4000;

/// The text of a message: 1 to [`BODY_MAX`] characters, of which one can be seen; without control characters other
/// than tab and line feed, and without white space around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body(String);

impl Body {
    /// The text, cleaned and trimmed, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let clean: String =
            lines.chars().filter(|one| !one.is_control() || matches!(one, '\n' | '\t')).collect();
        let text = clean.trim();
        match text.chars().count() {
            _ if !text.chars().any(is_visible) => Err(Error::EmptyMessage),
            0..=BODY_MAX => Ok(Self(text.to_owned())),
            length => Err(Error::MessageTooLong(length)),
        }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// As written.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Whether a character alone shows anything: no white space, no mark of direction, no joiner, no filler.
fn is_visible(character: char) -> bool {
    !character.is_whitespace()
        && !matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_trimmed_and_counted_in_characters() {
        assert_eq!(Body::parse("  hi\n").unwrap().text(), "hi");
        assert!(Body::parse(&"ä".repeat(BODY_MAX)).is_ok());
        assert!(Body::parse(&format!(" {}\n", "😀".repeat(BODY_MAX))).is_ok());
        assert!(matches!(Body::parse(&"ä".repeat(BODY_MAX + 1)), Err(Error::MessageTooLong(4001))));
    }

    #[test]
    fn what_shows_nothing_is_empty() {
        for blank in ["", " \n\t", "\0\u{7}", "\u{200b}\u{2060}", "\u{3164}", "\u{202e} \u{feff}", "\u{2003}"]
        {
            assert!(matches!(Body::parse(blank), Err(Error::EmptyMessage)), "{blank:?}");
        }
        // A family is people with joiners between them, and stays one.
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(Body::parse(family).unwrap().text(), family);
    }

    #[test]
    fn control_characters_are_taken_out_and_lines_end_in_one_way() {
        assert_eq!(Body::parse("a\r\nb\rc\n\td").unwrap().text(), "a\nb\nc\n\td");
        assert_eq!(Body::parse("\u{1b}[31mre\0d\u{85}\u{7f}").unwrap().text(), "[31mred");
    }

    proptest::proptest! {
        #[test]
        fn parsing_twice_changes_nothing(text in "\\PC{0,60}|.{0,60}") {
            if let Ok(body) = Body::parse(&text) {
                assert_eq!(Body::parse(body.text()).unwrap(), body);
            }
        }
    }
}
