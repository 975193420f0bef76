//! Every code that a [`Diagnostic`](crate::Diagnostic) can carry, once: its id, its verdicts, its title, and its
//! story (`codes/*.md`, one file each, whose examples are run by the tests and which make up docs/DIAGNOSTICS.md).
//!
//! An id is stable: it is never given to another mistake. Its letter says what `vrrpd check` makes of it (`E` error,
//! `W` warning, `N` note); the number alone is unique, and its hundreds are the topic: 0 authentication, 1 the text,
//! 2 words, blocks and files, 3 values, 4 instances and groups, 5 addresses, 6 tracking and scripts, 7 unicast,
//! 8 several nodes together, 9 this host.

use core::fmt::{self, Write as _};
use core::str::FromStr;

use crate::diag::{Peer, Severity};

/// What the table knows of one code.
struct Entry {
    id: &'static str,
    heading: &'static str,
    severity: Severity,
    peer: Peer,
    title: &'static str,
}

/// `Name "ID" severity peer "title"`: the order is that of the ids.
macro_rules! codes {
    ($($name:ident $id:literal $severity:ident $peer:ident $title:literal;)*) => {
        /// A stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`VRRP-", $id, "`: ", $title, ".")] $name,)*
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        id: concat!("VRRP-", $id),
                        heading: concat!("## VRRP-", $id, "\n"),
                        severity: Severity::$severity,
                        peer: Peer::$peer,
                        title: $title,
                    },)*
                }
            }
        }
    };
}

codes! {
    AuthPassLong "W001" Warning Reports "only the first 8 bytes of a password go on the wire";
    AuthTypeUnknown "E002" Loud Reports "the authentication type is neither PASS nor AH";
    AuthPassMissing "E003" Loud Reports "an authentication block has no password";
    AuthTypeMissing "E004" Loud Silent "an authentication block has no type";
    AuthVersion3 "E005" Loud Reports "VRRPv3 has no authentication block";
    AuthStrict "E006" Loud Reports "vrrp_strict drops the authentication";
    AuthAhIpv6 "E007" Loud Reports "AH authentication does not exist for IPv6";
    AuthAhMaster "W008" Warning Silent "with AH authentication an instance starts as BACKUP";
    KeyExposed "W009" Warning Reports "a key file that others can read";
    KeyUnusable "E010" Refuse Reports "a key that cannot be used";

    ByteOrderMark "W101" Warning Reports "the file starts with a byte order mark";
    CarriageReturn "N102" Note Silent "the lines end in CRLF";
    BlankNotAscii "E103" Loud Reports "a blank that is neither a space nor a tab";
    QuoteNotAscii "E104" Loud Silent "a typographic quotation mark";
    NulByte "E105" Loud Silent "a NUL byte in the text";
    LineTooLong "E106" Loud Silent "a line is longer than keepalived can read";
    CommentCutsWord "W107" Warning Silent "a `#` or `!` inside a word starts a comment";
    Semicolon "E108" Loud Reports "there is no `;` in keepalived.conf";
    QuoteUnterminated "E109" Loud Reports "a quotation mark is never closed";
    NotUtf8 "W110" Warning Silent "bytes that are not UTF-8";

    UnknownKeyword "E201" Loud Reports "a keyword that does not exist";
    WrongBlock "E202" Loud Reports "a keyword in a block that does not have it";
    ArgumentMissing "E203" Refuse Stops "a keyword without the argument that it needs";
    WordsUnused "W204" Warning Silent "words after a value that nobody reads";
    BraceUnclosed "E205" Loud Reports "a block is never closed";
    BraceExtra "E206" Loud Reports "a `}` that closes nothing";
    BraceMissing "E207" Loud Reports "a block without its `{`";
    BraceUnexpected "E208" Loud Reports "a `{` after something that is no block";
    BlockWords "W209" Warning Reports "words between a keyword and its `{`";
    NameTaken "E210" Loud Reports "two blocks with one name";
    KeywordRepeated "W211" Warning Silent "a keyword is given twice in one block";
    KeywordDeprecated "W212" Warning Reports "an old name of a keyword";
    KeywordNoEffect "N213" Note Silent "a keyword that is accepted and has no effect here";
    KeywordRefused "E214" Loud Silent "a keyword that is not supported";
    BlockEmpty "E216" Loud Reports "a block with nothing in it";
    OptionUnknown "E217" Loud Reports "an option word that does not exist";
    IncludeMissing "E230" Refuse Fatal "an included file is missing or cannot be read";
    IncludeNothing "W231" Warning Silent "an include that matches no file";
    IncludeSkipped "W232" Warning Silent "an included path is not read";
    FileUnreadable "E234" Refuse Fatal "the configuration file cannot be read";
    FileEmpty "E235" Loud Silent "the file defines no instance";
    DefinitionUnknown "W240" Warning Silent "a `$NAME` that is not defined";
    DefinitionInvalid "E241" Loud Reports "a definition that cannot be used";
    RepeatInvalid "E242" Loud Reports "a ~SEQ or ~LST that cannot be read";
    ExpansionLimit "E243" Loud Silent "definitions that expand without end";
    ConditionEmpty "W244" Warning Silent "an `@ID` with nothing behind it";

    NumberInvalid "E301" Loud Reports "not a number";
    NumberRange "E302" Loud Reports "a number outside its range";
    GarpIntervalZero "W303" Warning Reports "an interval of 0 is the same as leaving it out";
    BooleanInvalid "E304" Loud Reports "neither true nor false";
    DecimalRounded "W305" Warning Reports "more decimals than the unit has";
    NameTooLong "E306" Loud Reports "a name that is too long for the kernel";
    AddressInvalid "E307" Loud Reports "not an IP address";
    PrefixInvalid "E308" Loud Reports "a prefix length that does not exist";
    AdvertIntRounded "W309" Warning Reports "VRRPv2 knows whole seconds only";
    ValueUnusual "W310" Warning Reports "a value far from the usual";
    ValueUnknown "E311" Loud Reports "a word that is none of the choices";
    NumberClamped "W312" Warning Reports "a number was moved into its range";

    StateUnknown "W401" Warning Reports "the state is neither MASTER nor BACKUP";
    NopreemptMaster "W402" Warning Reports "nopreempt has no effect together with state MASTER";
    NopreemptWeight "W403" Warning Silent "nopreempt makes a weighted check useless";
    VridMissing "E404" Refuse Fatal "an instance without virtual_router_id";
    VridCollision "E405" Refuse Fatal "two instances are one virtual router";
    InterfaceMissing "E406" Refuse Fatal "an instance without an interface";
    NoAddresses "E407" Loud Reports "an instance without a virtual address";
    PreemptDelayUseless "W408" Warning Reports "a preempt_delay that has no effect";
    StrictNoPing "W410" Warning Silent "vrrp_strict makes the address drop its packets";
    StrictConflict "W411" Warning Reports "vrrp_strict overrules a keyword";
    StrictUnicast "W412" Warning Silent "vrrp_strict and unicast contradict each other";
    VersionConflict "W413" Warning Reports "a VRRP version that cannot be used here";
    PriorityUnset "N414" Note Silent "no priority is given";
    KeywordUseless "W415" Warning Reports "a keyword without the one that it needs";
    OwnerTracker "W416" Warning Reports "an address owner has no weighted checks";
    GroupMemberUnknown "E420" Loud Reports "a group names an instance that does not exist";
    GroupMemberTwice "E421" Loud Reports "an instance is in two groups";
    GroupSingle "W422" Warning Reports "a group of one instance";
    GroupOwnerMixed "W424" Warning Reports "a group mixes owners and others";
    GroupWeight "E425" Loud Reports "a weighted check of a group's member is dropped";

    AddressTwice "E501" Loud Silent "an address is listed twice";
    AddressTwoInstances "E502" Loud Silent "two instances have the same address";
    AddressIsNetwork "E503" Loud Silent "the address is a network or broadcast address";
    FamilyMixed "E504" Loud Reports "IPv4 and IPv6 in one instance";
    LabelLong "W505" Warning Reports "a label of 16 bytes or more";
    AddressUnusable "E506" Loud Silent "an address that cannot be a virtual one";
    LinkLocalFirst "N507" Note Silent "the first IPv6 address is not link-local";
    AddressesTooMany "W508" Warning Reports "more addresses than fit into one advertisement";
    AddressIsNode "W509" Warning Silent "the virtual address is a node's own address";
    AddressOption "W510" Warning Reports "an option that this address cannot have";
    RouteInvalid "E511" Loud Reports "a route that cannot be used";
    RuleInvalid "E512" Loud Reports "a rule that cannot be used";

    TrackUndefined "E601" Loud Reports "something is tracked that is not defined above";
    ScriptEmpty "E602" Loud Reports "a vrrp_script without a script";
    ScriptUnused "W603" Warning Silent "a script that nothing tracks";
    TrackOwnInterface "N604" Note Reports "an instance tracks its own interface";
    TrackTwice "W605" Warning Reports "something is tracked twice";
    ShellOperator "E606" Loud Silent "a script is not given to a shell";
    ScriptSecurity "W607" Warning Security "scripts run without script security";
    ScriptWordsLost "E608" Loud Silent "arguments of a script outside its quotes";
    ScriptPathSearch "W610" Warning Silent "a script without its full path";
    NotifyRepeated "W612" Warning Reports "a notify keyword is given twice";
    TrackerIncomplete "E613" Loud Reports "a tracker without what it tracks";
    SlowDetection "N615" Note Silent "a failure is noticed late";

    PeerIsSelf "W701" Warning Silent "a node is its own peer";
    PeersComma "E702" Loud Reports "peers are separated by blanks or lines";
    UnicastNoPeers "E703" Loud Reports "unicast without peers is multicast";
    PeerFamily "E704" Loud Reports "a peer of the other address family";
    PeerTwice "W705" Warning Silent "a peer is listed twice";
    UnicastNoSource "E706" Refuse Fatal "unicast without a source";

    NodeVersion "E801" Loud Silent "the nodes speak different VRRP versions";
    NodeInterval "E802" Loud Silent "the nodes advertise at different intervals";
    NodeAuth "E803" Loud Silent "the nodes authenticate differently";
    NodeAddresses "E804" Loud Silent "the nodes have different virtual addresses";
    NodeAddressOrder "W805" Warning Silent "the nodes list the addresses in different orders";
    NodePriorityEqual "W806" Warning Silent "two nodes have the same priority";
    NodeAlone "W807" Warning Silent "a virtual router that only one node has";
    WeightNeverSwitches "E808" Loud Silent "a failing check can never move the address";
    PeersOneWay "E809" Loud Silent "a node is not listed by its peer";
    VridTwoGroups "E810" Loud Silent "two groups of nodes use one VRID";
    NodePreempt "W811" Warning Silent "the nodes disagree about preemption";
    NodeOwners "E812" Loud Silent "two nodes own the address";
    NodeTransport "E813" Loud Silent "one node speaks unicast, another multicast";
    NodeSource "E814" Loud Silent "two nodes have the same source address";
    NodePrefix "W815" Warning Silent "the nodes give an address different prefix lengths";
    NodeGroup "W816" Warning Silent "the members of a sync group prefer different nodes";

    InterfaceAbsent "E901" Refuse Reports "the interface does not exist on this host";
    InterfaceDown "W902" Warning Silent "the interface is down";
    AddressIsOwn "W903" Warning Silent "the virtual address is already on this host";
    OwnerWithoutAddress "W904" Warning Silent "priority 255 on a host that does not own the address";
    AddressOffSubnet "N905" Note Silent "no subnet of the interface holds the address";
    SourceNotLocal "W906" Warning Silent "the source address is not on this host";
    ScriptAbsent "E907" Loud Reports "a check script does not exist";
    NotifyAbsent "E908" Loud Silent "a notify script does not exist";
    ScriptNotExecutable "E909" Loud Reports "a script cannot be executed";
    ScriptUnsafe "W910" Warning Security "somebody else may change a script that root runs";
    UserUnknown "E911" Loud Reports "a user or group does not exist";
    FirewallDrops "W912" Warning Silent "a firewall rule drops VRRP";
    ReversePath "W913" Warning Silent "rp_filter drops what the virtual MAC receives";
    NonlocalBind "N914" Note Silent "services cannot bind to the address before it is here";
    DaemonRunning "W915" Warning Silent "another VRRP daemon is running";
    LinkManager "W916" Warning Silent "something else manages the interface's addresses";
    InterfaceNoAddress "W917" Warning Silent "the interface has no address to send from";
    ScriptStopsDaemon "E918" Loud Silent "a check script stops the daemon";
    InterfaceLoopback "E919" Refuse Fatal "VRRP does not run on the loopback interface";
}

impl Code {
    /// The id, `VRRP-W001`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.entry().id
    }

    /// The usual verdict.
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.entry().severity
    }

    /// What keepalived 2.2.7 usually makes of it.
    #[must_use]
    pub const fn peer(self) -> Peer {
        self.entry().peer
    }

    /// What it is, in a few words, without a full stop.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.entry().title
    }
}

impl Code {
    /// The topic that its hundreds stand for.
    #[must_use]
    pub fn topic(self) -> &'static str {
        self.chapter().0
    }

    /// The longer story, as Markdown: what happens, why it matters, what to write instead, and mostly an example
    /// of both. `vrrpd explain CODE` prints it.
    #[must_use]
    pub fn story(self) -> &'static str {
        let (_, text) = self.chapter();
        let behind = text.split_once(self.heading()).map_or("", |(_, rest)| rest);
        behind
            .split_once("\n## ")
            .map_or(behind, |(story, _)| story)
            .trim()
    }

    fn heading(self) -> &'static str {
        self.entry().heading
    }

    fn chapter(self) -> (&'static str, &'static str) {
        let hundreds = self.id().as_bytes().get(6).copied().unwrap_or(b'0');
        CHAPTERS
            .get(usize::from(hundreds - b'0'))
            .copied()
            .unwrap_or_default()
    }
}

/// Title and stories of each hundred.
const CHAPTERS: [(&str, &str); 10] = [
    ("Authentication", include_str!("codes/0-authentication.md")),
    ("The text", include_str!("codes/1-text.md")),
    ("Words, blocks and files", include_str!("codes/2-words.md")),
    ("Values", include_str!("codes/3-values.md")),
    ("Instances and groups", include_str!("codes/4-instances.md")),
    ("Addresses", include_str!("codes/5-addresses.md")),
    ("Tracking and scripts", include_str!("codes/6-tracking.md")),
    ("Unicast", include_str!("codes/7-unicast.md")),
    ("Several nodes together", include_str!("codes/8-nodes.md")),
    ("This host", include_str!("codes/9-host.md")),
];

impl Code {
    /// Id, title, verdict and story as plain text.
    #[must_use]
    pub fn explain(self) -> String {
        let mut text = format!("{self}: {}\n({})\n\n", self.title(), self.verdict());
        let mut code = false;
        for line in self.story().lines() {
            match line.strip_prefix("```") {
                Some(tag) => {
                    code = !code;
                    let right = tag.contains("good");
                    text.push_str(match (code, right) {
                        (false, _) => "",
                        (true, true) => "Right:\n\n",
                        (true, false) => "Wrong:\n\n",
                    });
                }
                None if code => {
                    let _ = writeln!(text, "    {line}");
                }
                None => {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
        text
    }

    const fn verdict(self) -> &'static str {
        match self.severity() {
            Severity::Refuse => "error; keepalived 2.2.7 does not start, and neither does `run`",
            Severity::Loud => "error; `run` starts and says so",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// All codes with their stories, as docs/DIAGNOSTICS.md has them.
#[must_use]
pub fn document() -> String {
    let mut text = include_str!("codes/introduction.md").to_owned();
    let mut topic = "";
    for code in Code::ALL {
        if code.topic() != topic {
            topic = code.topic();
            let _ = writeln!(text, "\n## {topic}");
        }
        let _ = writeln!(
            text,
            "\n### {code}: {}\n\n*{}*\n",
            code.title(),
            code.verdict()
        );
        for line in code.story().lines() {
            let _ = match line.strip_prefix("```keepalived ") {
                Some(tag) if tag.starts_with("good") => writeln!(text, "Right:\n\n```text"),
                Some(_) => writeln!(text, "Wrong:\n\n```text"),
                None => writeln!(text, "{line}"),
            };
        }
    }
    text
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// The word is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code")]
pub struct NotACode;

impl FromStr for Code {
    type Err = NotACode;

    /// Reads `VRRP-W001`, `W001` and `001`, in either case.
    fn from_str(word: &str) -> Result<Self, NotACode> {
        let word = word.to_ascii_uppercase();
        let word = word.strip_prefix("VRRP-").unwrap_or(&word);
        let same = |code: &&Self| {
            let id = code.id().trim_start_matches("VRRP-");
            id == word || id.get(1..) == Some(word)
        };
        Self::ALL.iter().find(same).copied().ok_or(NotACode)
    }
}

#[cfg(test)]
mod tests;
