//! Where the words of a message stand that are more than words: outside code, not taken back by a backslash.
//!
//! Pure, and read in one way for all that looks for something: mentions ([`super::mentions`]) and hyperlinks
//! ([`super::hyperlinks`]). What a piece means is said there. Start with [`read`].

/// Something in a text that may be more than a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// What stands after an `@`: letters a to z, digits, hyphens and underscores.
    Mention(&'a str),
    /// What begins like an http or https address, up to white space or a mark that ends it.
    Address(&'a str),
}

/// Tells of every piece of `text`, in order.
pub fn read(text: &str, found: &mut impl FnMut(Piece)) {
    for paragraph in paragraphs(text) {
        scan(&paragraph, found);
    }
}

/// A block of code between two fences (CommonMark 0.31 section 4.5).
struct Fence {
    mark: u8,
    len: usize,
    /// How many quotes it stands in; it ends with them.
    depth: usize,
}

impl Fence {
    fn opened_by(line: &str, depth: usize) -> Option<Self> {
        let (mark, len, rest) = fence_of(line)?;
        // Otherwise it is code within a line.
        (mark == b'~' || !rest.contains('`')).then_some(Self { mark, len, depth })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        fence_of(line)
            .is_some_and(|(mark, len, rest)| mark == self.mark && len >= self.len && rest.trim().is_empty())
    }
}

/// A line that begins with three or more of a fence's marks: which, how many, and what follows.
fn fence_of(line: &str) -> Option<(u8, usize, &str)> {
    let text = line.trim_start_matches(' ');
    let mark = *text.as_bytes().first()?;
    let len = text.bytes().take_while(|byte| *byte == mark).count();
    let fits = line.len() - text.len() <= 3 && matches!(mark, b'`' | b'~') && len >= 3;
    fits.then(|| (mark, len, &text[len..]))
}

/// The text outside fenced code, without the marks of quotes; a paragraph is as far as code within a line reaches.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut fence: Option<Fence> = None;
    for line in text.split('\n') {
        let (depth, inner) = unquoted(line, fence.as_ref().map_or(usize::MAX, |fence| fence.depth));
        if let Some(open) = &fence {
            if depth == open.depth {
                if open.is_closed_by(inner) {
                    fence = None;
                }
                continue;
            }
            fence = None;
        }
        if let Some(open) = Fence::opened_by(inner, depth) {
            fence = Some(open);
            paragraphs.push(String::new());
        } else if inner.trim().is_empty() {
            paragraphs.push(String::new());
        } else if let Some(paragraph) = paragraphs.last_mut() {
            paragraph.push_str(inner);
            paragraph.push('\n');
        }
    }
    paragraphs
}

/// A line without the marks of the quotes around it, and how many these were, at most `max`.
fn unquoted(line: &str, max: usize) -> (usize, &str) {
    let (mut depth, mut rest) = (0, line);
    while depth < max {
        let text = rest.trim_start_matches(' ');
        let Some(inner) = text.strip_prefix('>').filter(|_| rest.len() - text.len() <= 3) else { break };
        rest = inner.strip_prefix(' ').unwrap_or(inner);
        depth += 1;
    }
    (depth, rest)
}

fn scan(text: &str, found: &mut impl FnMut(Piece)) {
    let mut at = 0;
    let mut before = None;
    // Whether the word we are in began with an `@`: `@ana/@ben` are two people, `example.org/@ana` is nobody.
    let mut word_of_mentions = false;
    while let Some(here) = text[at..].chars().next() {
        let starts_word = before.is_none_or(char::is_whitespace);
        if starts_word {
            word_of_mentions = here == '@';
        }
        let next = at + here.len_utf8();
        let end = match here {
            '\\' => next + escaped(&text[next..]),
            '`' => code_end(text, at),
            '@' if !joins(before, word_of_mentions) => {
                let end = next + name_len(&text[next..]);
                if end > next && !text[end..].chars().next().is_some_and(continues_word) {
                    found(Piece::Mention(&text[next..end]));
                }
                end
            }
            _ if !before.is_some_and(char::is_alphanumeric) => match url_len(&text[at..]) {
                0 => next,
                len => {
                    found(Piece::Address(&text[at..at + len]));
                    at + len
                }
            },
            _ => next,
        };
        before = text[at..end].chars().next_back();
        at = end;
    }
}

/// Bytes of what a backslash takes the meaning from.
fn escaped(rest: &str) -> usize {
    usize::from(rest.as_bytes().first().is_some_and(u8::is_ascii_punctuation))
}

/// Where the code ends whose first backtick stands at `start`, or the backticks, if they begin none: it ends with
/// as many backticks as it began with (CommonMark 0.31 section 6.1).
fn code_end(text: &str, start: usize) -> usize {
    let run = |at: usize| text.as_bytes()[at..].iter().take_while(|byte| **byte == b'`').count();
    let len = run(start);
    let mut at = start + len;
    while let Some(found) = text[at..].find('`') {
        at += found;
        let closing = run(at);
        at += closing;
        if closing == len {
            return at;
        }
    }
    start + len
}

/// Whether an `@` after this belongs to a longer word.
fn joins(before: Option<char>, word_of_mentions: bool) -> bool {
    match before {
        None => false,
        Some('/') => !word_of_mentions,
        Some(before) => continues_word(before) || matches!(before, '@' | '+'),
    }
}

/// Letters and digits of any script, marks on them, and the underscore.
fn continues_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || ('\u{300}'..='\u{36f}').contains(&character)
}

fn name_len(rest: &str) -> usize {
    rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')).count()
}

/// Bytes of the URL that begins here; 0 when none does.
fn url_len(rest: &str) -> usize {
    let begins = ["http://", "https://"]
        .iter()
        .any(|scheme| rest.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    let ends = |character: char| character.is_whitespace() || matches!(character, '<' | '>' | '`');
    if begins { rest.find(ends).unwrap_or(rest.len()) } else { 0 }
}
