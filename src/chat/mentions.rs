//! Mentions: what a message points at, read out of its text. Pure: who is meant by a name is said in
//! [`super::mentioned`].
//!
//! A mention is an `@` and a name of letters a to z, digits, hyphens and underscores. It is none where it is part
//! of a longer word (an e-mail address), inside code, inside a URL, or after a backslash ([`super::markup`]). Since
//! names may have hyphens and people write `@ana-`, a name is read in more than one way, the longest first.
//!
//! Start with [`parse`].

use super::markup::{self, Piece};

/// Names of one message that are looked up; whoever means more people has groups. Further ones are text.
pub const NAMES_MAX: usize = 50;

/// Characters of a name; the longest that a group may have.
const NAME_LEN_MAX: usize = 60;

/// Ways to read one name. More hyphens than that have no shorter reading.
const READINGS_MAX: usize = 5;

/// What a text points at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mentions {
    /// All of the channel.
    pub everyone: bool,
    /// Those of them who are seen: online, away, or not to be disturbed.
    pub here: bool,
    /// People and groups, in the order they were named.
    pub names: Vec<Name>,
}

/// One name, in lower case, in every way it may be read: the longest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name(Vec<String>);

impl Name {
    /// The readings, the longest first; never empty.
    pub fn readings(&self) -> &[String] {
        &self.0
    }

    fn parse(token: &str) -> Option<Self> {
        let mut readings: Vec<&str> = Vec::new();
        let mut rest = token;
        loop {
            if rest.is_empty() || readings.len() == READINGS_MAX {
                break;
            }
            if rest.len() <= NAME_LEN_MAX {
                readings.push(rest);
            }
            let whole = rest.trim_end_matches(SEPARATORS);
            rest = match whole.len() < rest.len() {
                true => whole,
                false => whole.rfind(SEPARATORS).map_or("", |cut| whole[..cut].trim_end_matches(SEPARATORS)),
            };
        }
        (!readings.is_empty()).then(|| Self(readings.into_iter().map(str::to_owned).collect()))
    }
}

const SEPARATORS: [char; 2] = ['-', '_'];

/// What `text` points at.
pub fn parse(text: &str) -> Mentions {
    let mut found = Mentions::default();
    if text.contains('@') {
        markup::read(text, &mut |piece| match piece {
            Piece::Mention(token) => found.add(token),
            Piece::Address(_) => {}
        });
    }
    found
}

impl Mentions {
    fn add(&mut self, token: &str) {
        let folded = token.to_ascii_lowercase();
        match folded.trim_end_matches(SEPARATORS) {
            "everyone" | "all" => self.everyone = true,
            "here" => self.here = true,
            _ if self.names.len() < NAMES_MAX => {
                if let Some(name) = Name::parse(&folded)
                    && !self.names.contains(&name)
                {
                    self.names.push(name);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `everyone`, `here` and the longest reading of each name.
    fn read(text: &str) -> String {
        let found = parse(text);
        let mut all: Vec<&str> = found.names.iter().map(|name| name.0[0].as_str()).collect();
        if found.here {
            all.push("HERE");
        }
        if found.everyone {
            all.push("EVERYONE");
        }
        all.join(" ")
    }

    #[test]
    fn names_are_found_wherever_a_word_begins() {
        for (text, expected) in [
            ("", ""),
            ("@", ""),
            ("@ ana", ""),
            ("@ana", "ana"),
            ("hi @Ana, and @BEN!", "ana ben"),
            ("(@ana) \"@ben\" *@cleo* -@dora", "ana ben cleo dora"),
            ("@ana @ANA @ana", "ana"),
            ("@ana/@ben", "ana ben"),
            ("@ana's and @ben\u{2019}s", "ana ben"),
            ("wait...@ana", "ana"),
            ("日本 @ana。", "ana"),
            ("@x_1-y", "x_1-y"),
            ("> @ana wrote\n@ben", "ana ben"),
            ("@everyone", "EVERYONE"),
            ("@ALL, now", "EVERYONE"),
            ("@here- or @Here_", "HERE"),
            ("@everyone-else", "everyone-else"),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_mention_is_none() {
        for text in [
            "ana@example.org",
            "ana+chat@everyone.example",
            "a_@here",
            "@@here",
            "\\@everyone",
            "@änne",
            "@anaä",
            "@ana\u{301}",
            "https://example.org/@ana",
            "HTTPS://example.org/?q=@everyone",
            "example.org/@ana",
            "`@everyone`",
            "``a ` @everyone``",
            "`\n@everyone\n`",
            "```\n@everyone\n```",
            "~~~ text\n@everyone\n```\n~~~",
            "   ```rust\n@everyone",
            "> ```\n> @everyone\n> ```",
            "> > ~~~\n> > @here",
            "```\n> ```\n@everyone",
        ] {
            assert_eq!(parse(text), Mentions::default(), "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_code_hides_nothing() {
        for text in [
            "` @ana",
            "`` @ana `",
            "\\`@ana\\`",
            "`\n\n@ana\n\n`",
            "``` not a fence ` @ana",
            "    ```\n    @ana",
            "~~ @ana ~~",
            "```\ncode\n```\n@ana",
            "> ```\n> code\n@ana",
            "`code`@ana",
            "<https://example.org>@ana",
        ] {
            assert_eq!(read(text), "ana", "{text:?}");
        }
    }

    #[test]
    fn a_name_is_read_the_longest_way_first() {
        let readings = |text: &str| parse(text).names.into_iter().flat_map(|name| name.0).collect::<Vec<_>>();
        assert_eq!(readings("@ana"), ["ana"]);
        assert_eq!(readings("@Ana-Maria-"), ["ana-maria-", "ana-maria", "ana"]);
        assert_eq!(readings("@a--b_c"), ["a--b_c", "a--b", "a"]);
        assert_eq!(readings("@-"), ["-"]);
        assert_eq!(readings(&format!("@{}", "a-".repeat(20))).len(), READINGS_MAX);
        assert!(readings(&format!("@{}", "a".repeat(NAME_LEN_MAX + 1))).is_empty());
    }

    #[test]
    fn a_flood_of_names_is_cut_off() {
        let many: Vec<String> = (0..500).map(|number| format!("@user{number}")).collect();
        let found = parse(&(many.join(" ") + " @everyone"));
        assert_eq!(found.names.len(), NAMES_MAX);
        assert!(found.everyone, "who comes after the flood is still told");
    }

    /// Texts made of the pieces that matter, from a seed that is printed when one fails.
    #[test]
    fn storms_of_marks_never_confuse_it() {
        const PIECES: [&str; 20] = [
            "@",
            "ana",
            "@ben",
            "@here",
            "`",
            "``",
            "```",
            "~~~",
            "\n",
            "\n\n",
            " ",
            "> ",
            "\\",
            "-",
            "_",
            "ä",
            "https://",
            "@everyone",
            "\u{301}",
            "    ",
        ];
        for seed in 0..3_000u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut text = String::new();
            for _ in 0..60 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(PIECES[usize::try_from(state % 20).unwrap()]);
            }
            let found = parse(&text);
            for name in &found.names {
                assert!(!name.0.is_empty() && name.0.len() <= READINGS_MAX, "seed {seed}: {text:?}");
                assert!(
                    text.to_ascii_lowercase().contains(&format!("@{}", name.0[0])),
                    "seed {seed}: {text:?}"
                );
            }
            // Whatever stands around it, fenced off it is code.
            let tail = format!("~~~~~~~~~~\n{}\n~~~~~~~~~~", text.replace('~', ""));
            assert_eq!(parse(&tail), Mentions::default(), "seed {seed}: {text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,400}") {
            let found = parse(&text);
            for name in found.names {
                for reading in name.readings() {
                    assert!((1..=NAME_LEN_MAX).contains(&reading.len()));
                    assert!(reading.bytes().all(|byte| !byte.is_ascii_uppercase()));
                }
            }
        }

        #[test]
        fn a_mention_on_a_line_of_its_own_is_found_and_in_code_it_is_not(
            name in "[a-z][a-z0-9]{1,10}", before in "[a-z .,!?]{0,40}", after in "[a-z .,!?]{0,40}",
        ) {
            proptest::prop_assume!(!["all", "here", "everyone"].contains(&name.as_str()));
            assert_eq!(read(&format!("{before}\n@{name}\n{after}")), name);
            assert_eq!(read(&format!("{before} `@{name}` {after}")), "");
            assert_eq!(read(&format!("{before}\n```\n@{name}\n```\n{after}")), "");
        }
    }
}
