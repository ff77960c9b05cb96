//! Fixed-width numbers in base 62: letters and digits only, so that a double click selects a whole token.
//!
//! Numbers are big-endian 64-bit limbs: reading a secret is 172 multiplications, and every request reads one.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE: u128 = 62;

/// Writes `number` with exactly `WIDTH` digits, the most significant first.
///
/// The caller chooses `WIDTH` so that every number of `LIMBS` limbs fits.
pub(super) fn encode<const LIMBS: usize, const WIDTH: usize>(mut number: [u64; LIMBS]) -> String {
    let mut digits = [0_u8; WIDTH];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u128;
        for limb in &mut number {
            let dividend = (remainder << 64) | u128::from(*limb);
            *limb = low_half(dividend / BASE);
            remainder = dividend % BASE;
        }
        *digit = DIGITS[low_half(remainder) as usize];
    }
    digits.into_iter().map(char::from).collect()
}

/// Reads digits. `None` for a foreign character or a number that needs more than `LIMBS` limbs.
pub(super) fn decode<const LIMBS: usize>(text: &str) -> Option<[u64; LIMBS]> {
    let mut number = [0_u64; LIMBS];
    for character in text.bytes() {
        let mut carry = u128::from(value_of(character)?);
        for limb in number.iter_mut().rev() {
            let product = u128::from(*limb) * BASE + carry;
            *limb = low_half(product);
            carry = product >> 64;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// [`encode`] for 32 bytes, read as one big-endian number.
pub(super) fn encode_bytes<const WIDTH: usize>(bytes: &[u8; 32]) -> String {
    let mut limbs = [0_u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
    }
    encode::<4, WIDTH>(limbs)
}

/// Reads what [`encode_bytes`] wrote.
pub(super) fn decode_bytes(text: &str) -> Option<[u8; 32]> {
    let limbs = decode::<4>(text)?;
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    Some(bytes)
}

fn value_of(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'Z' => Some(character - b'A' + 10),
        b'a'..=b'z' => Some(character - b'a' + 36),
        _ => None,
    }
}

/// The low 64 bits; the caller has put the high ones into the carry.
fn low_half(number: u128) -> u64 {
    number as u64
}
