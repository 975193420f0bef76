//! `vrrpd decode`: what is in VRRP packets, and what a receiver would do with them.

use core::net::IpAddr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use vrrp_proto::{Endpoints, Family, Key, Password};

use crate::decode::input::{self, hex};
use crate::decode::live::Listener;
use crate::decode::{Frame, Secrets, decode};
use crate::exit::Exit;

/// Arguments of `vrrpd decode`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing that depends on a configuration is judged: version, VRID, interval and address list may be anything.
Exit status: 0 all packets would be accepted; 1 at least one would be discarded, or the input ends badly; 2 usage.

  vrrpd decode 313364010064a768c00002fe
  tcpdump -i eth0 -w - 'proto 112' | vrrpd decode -
  vrrpd decode --json capture.pcapng.gz
  vrrpd decode --interface eth0 --key 1=file:/etc/vrrpd/key")]
pub struct Args {
    /// Hexadecimal digits (a VRRP message, an IP packet or an Ethernet frame), a file of such lines, or a capture
    /// (pcap or pcapng, gzip or not); - is standard input
    #[arg(
        value_name = "INPUT",
        required_unless_present = "interface",
        conflicts_with = "interface"
    )]
    inputs: Vec<String>,
    /// Listen to this interface, without promiscuous mode, and print what comes and goes
    #[arg(short, long, value_name = "IF")]
    interface: Option<String>,
    /// Stop after so many packets
    #[arg(short, long, value_name = "N", requires = "interface")]
    count: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// A key of auth_hmac, its value as in keepalived.conf: hex:DIGITS, file:PATH or text; may be repeated
    #[arg(long = "key", value_name = "ID=VALUE", value_parser = parse_key)]
    keys: Vec<Key>,
    /// keepalived's auth_pass, for VRRPv2's password and Authentication Header
    #[arg(long, value_name = "TEXT")]
    auth_pass: Option<String>,
    /// Source address of messages given without IP header, for the pseudo-header
    #[arg(long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// Their destination [default: the group]
    #[arg(long, value_name = "ADDRESS", requires = "source")]
    destination: Option<IpAddr>,
}

/// Decodes.
pub fn run(args: &Args) -> Exit {
    let destination = args
        .destination
        .or_else(|| args.source.map(|source| Family::of(&source).group()));
    let ends = args
        .source
        .zip(destination)
        .map(|(source, destination)| Endpoints::new(source, destination));
    let ends = match ends {
        Some(None) => {
            eprintln!("vrrpd: --source and --destination are of different families");
            return Exit::Usage;
        }
        ends => ends.flatten(),
    };
    let secrets = Secrets {
        keys: args.keys.clone(),
        password: args
            .auth_pass
            .as_ref()
            .map(|text| Password::new(text.as_bytes())),
    };
    let mut out = Out {
        to: BufWriter::new(io::stdout().lock()),
        json: args.json,
        secrets,
        problems: false,
    };
    let done = match &args.interface {
        Some(name) => listen(name, args.count, &mut out),
        None => read(&args.inputs, ends, &mut out),
    };
    let written = out.to.flush();
    let problems = out.problems;
    match (done, written) {
        (Err(exit), _) => exit,
        // Whoever read our output has had enough.
        (Ok(()), Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
        (Ok(()), Err(error)) => {
            eprintln!("vrrpd: standard output: {error}");
            Exit::Failed
        }
        (Ok(()), Ok(())) if problems => Exit::Failed,
        (Ok(()), Ok(())) => Exit::Fine,
    }
}

/// Where packets are shown.
struct Out<W: Write> {
    to: W,
    json: bool,
    secrets: Secrets,
    problems: bool,
}

impl<W: Write> Out<W> {
    fn show(&mut self, frame: Frame<'_>) -> io::Result<()> {
        let decoded = decode(frame, &self.secrets);
        self.problems |= decoded.is_problem();
        if self.json {
            writeln!(self.to, "{}", decoded.to_json())
        } else {
            writeln!(self.to, "{decoded}")
        }
    }
}

fn read<W: Write>(
    inputs: &[String],
    ends: Option<Endpoints>,
    out: &mut Out<W>,
) -> Result<(), Exit> {
    for text in inputs {
        let path = Path::new(text);
        let read = if text == "-" {
            input::read(io::stdin(), ends, &mut |frame| out.show(frame))
        } else if path.exists() {
            File::open(path).and_then(|file| input::read(file, ends, &mut |frame| out.show(frame)))
        } else if let Some(octets) = hex(text) {
            out.show(input::frame(1, &octets, ends))
        } else {
            eprintln!("vrrpd: {text}: neither a file nor hexadecimal digits in pairs");
            return Err(Exit::Usage);
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                eprintln!("vrrpd: {text}: {error}");
                let _ = out.to.flush();
                return Err(Exit::Failed);
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

fn listen<W: Write>(name: &str, count: Option<u64>, out: &mut Out<W>) -> Result<(), Exit> {
    let fail = |error: io::Error| {
        eprintln!("vrrpd: {name}: {error}");
        match error.kind() {
            io::ErrorKind::PermissionDenied => Exit::Privilege,
            io::ErrorKind::NotFound => Exit::Usage,
            _ => Exit::Failed,
        }
    };
    let mut listener = Listener::open(name).map_err(fail)?;
    let mut left = count;
    while left != Some(0) {
        let shown = listener
            .next(|frame| out.show(frame).and_then(|()| out.to.flush()))
            .map_err(fail)?;
        match shown {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            shown => shown.map_err(fail)?,
        }
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// `ID=VALUE`, the value as keepalived.conf has it.
fn parse_key(text: &str) -> Result<Key, String> {
    let (id, value) = text.split_once('=').ok_or("not ID=VALUE")?;
    let id = id.parse().map_err(|_| "the ID is not in 1..=255")?;
    let value = match value.strip_prefix("file:") {
        Some(path) => fs::read(path).map_err(|error| format!("{path}: {error}"))?,
        None => value.as_bytes().to_vec(),
    };
    let value = value.trim_ascii_end();
    let secret = match value.strip_prefix(b"hex:") {
        Some(digits) => {
            let digits = core::str::from_utf8(digits).ok().and_then(hex);
            digits.ok_or("hex: is not followed by hexadecimal digits in pairs")?
        }
        None => value.to_vec(),
    };
    Key::new(id, &secret).map_err(|error| error.to_string())
}
