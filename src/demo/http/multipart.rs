//! Multipart uploads, read in constant memory: only a checksum of the file is kept.

use std::io::Read;

use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};

use super::{Bad, Request, fill};
use crate::demo::api::{Params, Upload};

/// Bytes in which the parts before the file must end.
const HEAD: usize = 64 * 1024;
/// Bytes of the file that are kept.
const START: usize = 512;
/// Bytes per read of the file.
const CHUNK: usize = 256 * 1024;

/// Reads a form that ends with a file. `left` has the first bytes of the body.
pub(super) fn read(
    stream: &mut impl Read,
    left: &mut Vec<u8>,
    length: usize,
    content_type: &str,
    request: &mut Request,
) -> Result<(), Bad> {
    let bad = || Bad::Explained(501, "unable to parse multipart form data".to_owned());
    let boundary = content_type.split(';').find_map(|p| p.trim().strip_prefix("boundary=")).ok_or_else(bad)?.trim_matches('"');
    while left.len() < length.min(HEAD) {
        fill(stream, left)?;
    }
    let head = &left[..length.min(left.len())];
    let Some((filename, begin)) = parts(head, boundary, &mut request.params)? else {
        return skip(stream, left, length);
    };
    request.params.set("filename", filename.clone());
    left.drain(..begin);
    let algorithm = request.params.get("checksum-algorithm").and_then(algorithm);
    let mut file = File { size: 0, digest: algorithm.map(Context::new), start: Vec::new() };
    if !content(stream, left, length - begin, boundary, &mut file)? {
        return Err(bad());
    }
    let digest = file.digest.map(|digest| digest.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect());
    request.upload = Some(Upload { filename, size: file.size, digest, start: file.start });
    Ok(())
}

/// Reads the parts before the file. Returns its name and where it begins.
fn parts(body: &[u8], boundary: &str, params: &mut Params) -> Result<Option<(String, usize)>, Bad> {
    let bad = || Bad::Explained(501, "unable to parse multipart form data".to_owned());
    let mark = format!("--{boundary}").into_bytes();
    let mut at = find(body, &mark).ok_or_else(bad)? + mark.len();
    // The server accepts the fields in this order only.
    let mut fields = &["content", "checksum-algorithm", "checksum"][..];
    while !body[at..].starts_with(b"--") {
        let part = body[at..].strip_prefix(b"\r\n").ok_or_else(bad)?;
        let head_end = find(part, b"\r\n\r\n").ok_or_else(bad)?;
        let head = String::from_utf8_lossy(&part[..head_end]).into_owned();
        let begin = at + 2 + head_end + 4;
        let field = |name: &str| head.split(name).nth(1).and_then(|t| t.split('"').next()).map(str::to_owned);
        let name = field(" name=\"").ok_or_else(bad)?;
        if let Some(filename) = field(" filename=\"") {
            return Ok(Some((filename, begin)));
        }
        let end_mark = [b"\r\n", &mark[..]].concat();
        let end = find(&body[begin..], &end_mark).ok_or_else(bad)?;
        let Some(known) = fields.iter().position(|known| *known == name) else {
            return Err(Bad::Refused(400, "Bad Request".to_owned()));
        };
        fields = &fields[known + 1..];
        params.push(&name, String::from_utf8_lossy(&body[begin..begin + end]).into_owned());
        at = begin + end + end_mark.len();
    }
    Ok(None)
}

struct File {
    size: u64,
    digest: Option<Context>,
    start: Vec<u8>,
}

impl File {
    fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        let missing = START.saturating_sub(self.start.len()).min(bytes.len());
        self.start.extend_from_slice(&bytes[..missing]);
    }
}

/// Reads the file up to the closing boundary. Returns whether there is one.
fn content(stream: &mut impl Read, left: &mut Vec<u8>, length: usize, boundary: &str, file: &mut File) -> Result<bool, Bad> {
    let close = format!("\r\n--{boundary}--").into_bytes();
    // The end of the body, which may be the boundary.
    let kept = close.len() + 2;
    let mut rest = length;
    let mut window: Vec<u8> = left.drain(..left.len().min(rest)).collect();
    rest -= window.len();
    let mut chunk = vec![0; CHUNK];
    while rest > 0 {
        let safe = window.len().saturating_sub(kept);
        file.add(&window[..safe]);
        window.drain(..safe);
        match stream.read(&mut chunk[..rest.min(CHUNK)])? {
            0 => return Err(Bad::Gone),
            n => {
                window.extend_from_slice(&chunk[..n]);
                rest -= n;
            }
        }
    }
    let Some(end) = window.windows(close.len()).rposition(|some| some == close) else { return Ok(false) };
    file.add(&window[..end]);
    Ok(true)
}

/// Skips the rest of a body.
fn skip(stream: &mut impl Read, left: &mut Vec<u8>, mut rest: usize) -> Result<(), Bad> {
    loop {
        let some = left.len().min(rest);
        left.drain(..some);
        rest -= some;
        if rest == 0 {
            return Ok(());
        }
        fill(stream, left)?;
    }
}

fn algorithm(name: &str) -> Option<&'static Algorithm> {
    match name {
        "sha1" => Some(&SHA1_FOR_LEGACY_USE_ONLY),
        "sha256" => Some(&SHA256),
        "sha384" => Some(&SHA384),
        "sha512" => Some(&SHA512),
        _ => None,
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|some| some == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_form(body: &[u8], chunks: usize) -> Result<Request, Bad> {
        let mut request = Request::default();
        let (first, mut rest) = body.split_at(chunks.min(body.len()));
        read(&mut rest, &mut first.to_vec(), body.len(), "multipart/form-data; boundary=B", &mut request)?;
        Ok(request)
    }

    #[test]
    fn a_file_is_counted_and_hashed_wherever_the_chunks_end() {
        let body =
            b"--B\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n--B\r\nContent-Disposition: form-data; name=\"checksum-algorithm\"\r\n\r\nsha256\r\n--B\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"a.iso\"\r\n\r\nab\r\n--Bc\r\n\r\n--B--\r\n";
        for chunks in 0..body.len() {
            let request = read_form(body, chunks).unwrap();
            let upload = request.upload.unwrap();
            assert_eq!((upload.filename.as_str(), upload.size, upload.start.as_slice()), ("a.iso", 10, &b"ab\r\n--Bc\r\n"[..]), "{chunks}");
            assert_eq!(request.params.get("content"), Some("iso"));
            assert_eq!(upload.digest.map(|digest| digest.len()), Some(64));
        }
    }

    #[test]
    fn fields_in_another_order_are_refused() {
        let body =
            b"--B\r\nContent-Disposition: form-data; name=\"checksum\"\r\n\r\n00\r\n--B\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n--B--\r\n";
        assert!(matches!(read_form(body, 0), Err(Bad::Refused(400, _))));
    }
}
