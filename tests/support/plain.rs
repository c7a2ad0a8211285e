//! A walk line by line, as a test drives it: types words, waits for lines. Not for what is asserted about them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, dead_code, reason = "tests; each binary uses its own part of it")]

use crate::lab::LONG;
use crate::stage::Stage;
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    time::timeout,
};

pub(crate) struct Plain {
    child: tokio::process::Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    heard: String,
}

impl Plain {
    pub(crate) fn start(stage: &Stage, args: &[&str]) -> Self {
        let mut child = stage.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, heard: String::new() }
    }

    pub(crate) async fn says(&mut self, word: &str) {
        let line = format!("{word}\n");
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    pub(crate) async fn hears(&mut self, text: &str) -> String {
        loop {
            let next = timeout(LONG, self.lines.next_line()).await;
            let line = next.unwrap_or_else(|_| panic!("waited for {text:?}:\n{}", self.heard)).unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended before {text:?}:\n{}", self.heard));
            self.heard.push_str(&line);
            self.heard.push('\n');
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) async fn hears_address(&mut self) -> String {
        let line = self.hears("/oauth2/v2.0/authorize?").await;
        line.split_whitespace().find(|word| word.contains("/authorize?")).unwrap().to_owned()
    }

    pub(crate) async fn dies(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Everything that it wrote on its two outputs.
    pub(crate) async fn ends(mut self) -> (String, Vec<u8>) {
        self.says("quit").await;
        while let Some(line) = timeout(LONG, self.lines.next_line()).await.expect("it does not end").unwrap() {
            self.heard.push_str(&line);
        }
        let mut err = Vec::new();
        self.child.stderr.take().unwrap().read_to_end(&mut err).await.unwrap();
        assert!(self.child.wait().await.unwrap().success(), "{}", String::from_utf8_lossy(&err));
        (self.heard, err)
    }
}
