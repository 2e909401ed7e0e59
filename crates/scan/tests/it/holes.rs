//! Fills the holes of examples (`rules/README.md`) with made-up values: the same on every machine, never live.

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Made-up randomness: xorshift64* over a seed of text.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: &str) -> Self {
        // FNV-1a.
        let hash = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(seed.bytes().fold(0xcbf2_9ce4_8422_2325, hash) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    /// So many letters of an alphabet, letters and digits among them if it has both.
    fn draw(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let mut text: Vec<char> = (0..count)
            .map(|_| alphabet[(self.next() % alphabet.len() as u64) as usize])
            .collect();
        let ends = |c: char| !c.is_alphanumeric();
        while count > 0 && (ends(text[0]) || ends(text[count - 1])) {
            for at in [0, count - 1] {
                text[at] = alphabet[(self.next() % alphabet.len() as u64) as usize];
            }
        }
        text.into_iter().collect()
    }
}

/// The example with every hole filled. The seed makes examples differ.
pub(crate) fn fill(template: &str, seed: &str) -> String {
    let mut dice = Dice::new(seed);
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('«') {
        let (hole, after) = behind.split_once('»').expect("a hole is closed");
        filled.push_str(before);
        filled.push_str(&value(hole, &mut dice));
        rest = after;
    }
    filled + rest
}

fn value(hole: &str, dice: &mut Dice) -> String {
    let (kind, count) = hole.split_once(':').unwrap_or((hole, "0"));
    let count: usize = count.parse().expect("a hole's length is a number");
    match kind {
        "alnum" => dice.draw(&[DIGITS, LOWER, UPPER].concat(), count),
        "lower" => dice.draw(&[DIGITS, LOWER].concat(), count),
        "upper" => dice.draw(&[DIGITS, UPPER].concat(), count),
        "letters" => dice.draw(&[LOWER, UPPER].concat(), count),
        "hex" => dice.draw("0123456789abcdef", count),
        "HEX" => dice.draw("0123456789ABCDEF", count),
        "digits" => dice.draw(DIGITS, count),
        "b64" => dice.draw(&[DIGITS, LOWER, UPPER, "+/"].concat(), count),
        "url" => dice.draw(&[DIGITS, LOWER, UPPER, "-_"].concat(), count),
        "b32" => dice.draw(&[UPPER, "234567"].concat(), count),
        "base32" => dice.draw(&[LOWER, "234567"].concat(), count),
        "b58" => dice.draw(BASE58, count),
        "bech32" => dice.draw("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", count),
        "uuid" => [8, 4, 4, 4, 12]
            .map(|n| dice.draw("0123456789abcdef", n))
            .join("-"),
        "lines" => {
            let line = |_| dice.draw(&[DIGITS, LOWER, UPPER, "+/"].concat(), 64);
            (0..count).map(line).collect::<Vec<_>>().join("\n")
        }
        "crc62" => {
            let random = dice.draw(&[DIGITS, LOWER, UPPER].concat(), count);
            let sum = checksum(random.as_bytes());
            random + &sum
        }
        "basic" => base64(format!("deploy:{}", dice.draw(&[DIGITS, LOWER, UPPER].concat(), 17)).as_bytes()),
        "header" => base64(br#"{"alg":"HS256","typ":"JWT"}"#).replace('=', ""),
        "payload" => {
            let subject = dice.draw(&[DIGITS, LOWER].concat(), 20);
            base64(format!(r#"{{"sub":"{subject}","admin":true}}"#).as_bytes()).replace('=', "")
        }
        other => panic!("«{other}» is no kind of hole; rules/README.md lists them"),
    }
}

/// The CRC-32 of GitHub's and npm's tokens, written here a second time on purpose.
fn checksum(data: &[u8]) -> String {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(BASE62[(rest % 62) as usize]);
        rest /= 62;
    }
    digits.reverse();
    String::from_utf8(digits).expect("digits are ASCII")
}

fn base64(data: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(data)
}
