//! Multipart forms with a file, streamed from disk in constant memory.

use std::fs::File;
use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use crate::api::{Attachment, Request, Value};
use crate::fault::{Fate, Fault, Result};
use crate::units;

/// Bytes per read.
const CHUNK: u64 = 256 << 10;

/// A form that ends with a file. The host reads the other parts only before it, in the order of the request.
pub(super) struct Form {
    file: File,
    attachment: Attachment,
    head: Option<Bytes>,
    tail: Option<Bytes>,
    /// Bytes of the file that are still to be sent.
    left: u64,
    content_type: String,
}

/// The error of a file that became shorter or unreadable during the upload.
#[derive(Debug)]
struct Unreadable(String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Returns the form of a request with a file.
pub(super) fn form(request: &Request) -> Result<Option<Form>> {
    let Some(attachment) = request.attachment() else { return Ok(None) };
    let file = File::open(&attachment.path).map_err(|error| Fault::io(format!("cannot read '{}'", attachment.path.display()), &error))?;
    let boundary = boundary();
    let mut head = String::new();
    for (key, value) in request.params.iter().filter(|(_, value)| !matches!(value, Value::File(_))) {
        for text in value.wire() {
            head.push_str(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{text}\r\n"));
        }
    }
    head.push_str(&format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{}\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        attachment.name
    ));
    attachment.rewind();
    Ok(Some(Form {
        file,
        attachment: attachment.clone(),
        head: Some(head.into()),
        tail: Some(format!("\r\n--{boundary}--\r\n").into()),
        left: attachment.size,
        content_type: format!("multipart/form-data; boundary={boundary}"),
    }))
}

/// Whether the file of a request did not arrive as a whole, so that the host discards it.
pub(super) fn is_incomplete(request: &Request) -> bool {
    request.attachment().is_some_and(Attachment::is_incomplete)
}

/// Returns the fault of an upload that broke off before its end.
pub(super) fn broken(request: &Request, why: &str) -> Option<Fault> {
    let file = request.attachment().filter(|file| file.is_incomplete())?;
    let sent = units::bytes(file.sent());
    Some(Fate::NotSent.fault(true, format!("{request}: the upload broke off after {sent}: {why}")))
}

/// Returns a boundary that no file contains.
fn boundary() -> String {
    use ring::rand::SecureRandom;
    let mut bytes = [0u8; 24];
    // Without random numbers there is no TLS either.
    let _ = ring::rand::SystemRandom::new().fill(&mut bytes);
    bytes.iter().fold("felhom-".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

impl Form {
    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    fn read(&mut self) -> Result<Bytes, Unreadable> {
        let want = usize::try_from(self.left.min(CHUNK)).unwrap_or_default();
        let mut chunk = vec![0; want];
        let got = self.file.read(&mut chunk).map_err(|error| Unreadable(error.to_string()))?;
        if got == 0 {
            return Err(Unreadable("the file became shorter during the upload".into()));
        }
        chunk.truncate(got);
        self.left -= got as u64;
        self.attachment.note_sent(got as u64);
        Ok(chunk.into())
    }
}

impl Body for Form {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        if self.left > 0 {
            return Poll::Ready(Some(self.read().map(Frame::data).map_err(Into::into)));
        }
        Poll::Ready(self.tail.take().map(|tail| Ok(Frame::data(tail))))
    }

    fn is_end_stream(&self) -> bool {
        self.tail.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let text = |part: &Option<Bytes>| part.as_ref().map_or(0, |part| part.len() as u64);
        SizeHint::with_exact(text(&self.head) + self.left + text(&self.tail))
    }
}
