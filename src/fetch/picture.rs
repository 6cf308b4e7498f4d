//! Pictures: which bytes are one, how large it is, and a shelf for those that people look at now.
//!
//! Must never know: where they come from. A picture is never decoded here: its kind is said by its first bytes, whatever
//! anybody calls it, and its size by its head. What could run or load something (SVG) is none.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

/// Bytes a picture may have: a photograph for a screen. A larger one stays a hyperlink.
pub const PICTURE_MAX: usize = 2 * 1024 * 1024;

/// Pixels a side may have, and all together: decoded, one takes four bytes in every browser that shows it.
const SIDE_MAX: u32 = 16_384;
const AREA_MAX: u64 = 40_000_000;

/// Bytes of all pictures on the shelf. Whoever looks at one that had to go has it fetched again.
const SHELF_MAX: usize = 32 * 1024 * 1024;

/// The kinds that every browser shows and that are pictures only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// PNG (RFC 2083).
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP (RFC 9649).
    Webp,
}

/// How large a picture is, in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// A picture as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// By its first bytes.
    pub kind: Kind,
    /// By its head.
    pub size: Size,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Picture {
    /// A picture, if these bytes are one of a size that can be shown.
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let kind = Kind::of(&bytes)?;
        let size = imagesize::blob_size(&bytes).ok()?;
        let side = |pixels: usize| u32::try_from(pixels).ok().filter(|side| (1..=SIDE_MAX).contains(side));
        let size = Size { width: side(size.width)?, height: side(size.height)? };
        (u64::from(size.width) * u64::from(size.height) <= AREA_MAX).then_some(Self { kind, size, bytes })
    }
}

impl Kind {
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// How HTTP calls it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// Pictures by where they come from; the oldest go when there are too many bytes.
#[derive(Default)]
pub(super) struct Shelf(Mutex<Shelved>);

#[derive(Default)]
struct Shelved {
    by_url: HashMap<Url, Arc<Picture>>,
    /// The oldest first.
    order: VecDeque<Url>,
    bytes: usize,
}

impl Shelf {
    pub(super) fn get(&self, url: &Url) -> Option<Arc<Picture>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_url.get(url).cloned()
    }

    pub(super) fn put(&self, url: Url, picture: Arc<Picture>) {
        // Held for the moves of some pointers.
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.bytes += picture.bytes.len();
        match shelf.by_url.insert(url.clone(), picture) {
            Some(before) => shelf.bytes -= before.bytes.len(),
            None => shelf.order.push_back(url),
        }
        while shelf.bytes > SHELF_MAX {
            let Some(oldest) = shelf.order.pop_front() else { break };
            if let Some(gone) = shelf.by_url.remove(&oldest) {
                shelf.bytes -= gone.bytes.len();
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The head of a PNG that says it is so large, and some more bytes.
    pub(in super::super) fn png(width: u32, height: u32, more: usize) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0]);
        bytes.extend(vec![0; more]);
        bytes
    }

    #[test]
    fn a_picture_is_what_begins_like_one() {
        let picture = Picture::read(png(640, 480, 100)).unwrap();
        assert_eq!((picture.kind, picture.size), (Kind::Png, Size { width: 640, height: 480 }));
        let gif = Picture::read(b"GIF89a\x03\0\x02\0\x80\0\0".to_vec()).unwrap();
        assert_eq!((gif.kind, gif.size), (Kind::Gif, Size { width: 3, height: 2 }));
        for other in [
            &b""[..],
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b"<html>",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"GIF89a",
            b"BM\0\0\0\0\0\0\0\0",
            b"RIFF\0\0\0\0WAVE",
        ] {
            assert!(Picture::read(other.to_vec()).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_picture_that_unfolds_into_gigabytes_is_none() {
        for (width, height) in
            [(0, 1), (1, 0), (65_535, 65_535), (16_385, 1), (16_000, 16_000), (u32::MAX, 1)]
        {
            assert!(Picture::read(png(width, height, 0)).is_none(), "{width} by {height}");
        }
        assert!(Picture::read(png(8_000, 5_000, 0)).is_some());
    }

    #[test]
    fn the_shelf_is_never_too_heavy() {
        let shelf = Shelf::default();
        let url = |n: usize| Url::parse(&format!("https://example.org/{n}.png")).unwrap();
        for n in 0..40 {
            shelf.put(url(n), Arc::new(Picture::read(png(1, 1, PICTURE_MAX - 100)).unwrap()));
            let shelved = shelf.0.lock().unwrap();
            assert!(shelved.bytes <= SHELF_MAX);
            assert_eq!(
                shelved.bytes,
                shelved.by_url.values().map(|picture| picture.bytes.len()).sum::<usize>()
            );
            assert_eq!(shelved.order.len(), shelved.by_url.len());
        }
        assert!(shelf.get(&url(0)).is_none() && shelf.get(&url(39)).is_some());
        shelf.put(url(39), Arc::new(Picture::read(png(1, 1, 0)).unwrap()));
        assert_eq!(shelf.get(&url(39)).unwrap().bytes.len(), png(1, 1, 0).len());
    }
}
