#include "compiler/policy/diagnostic_code.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>

namespace airtight {
namespace {

constexpr CodeInfo kTable[] = {
    {Code::NotUtf8, "AT-Y001", "text that is not UTF-8",
     "A spec is UTF-8 text. A byte sequence in this file is not valid UTF-8, so nobody can say which characters were "
     "meant. Save the "
     "file as UTF-8.",
     false},
    {Code::Utf16, "AT-Y002", "UTF-16 or UTF-32 text",
     "The file is UTF-16 or UTF-32, as some editors save by default. Tools disagree about such files; save it as "
     "UTF-8.",
     false},
    {Code::ControlCharacter, "AT-Y003", "control character",
     "NUL and other control characters have no place in a spec: a reviewer cannot see them and tools cut text at them.",
     false},
    {Code::TabIndent, "AT-Y004", "tab character",
     "YAML forbids tabs in indentation, and a tab elsewhere makes the column that people see differ from the one that "
     "a parser sees. "
     "Use spaces.",
     false},
    {Code::YamlSyntax, "AT-Y005", "text that is not YAML",
     "The parser stopped here. The most common causes are a missing closing bracket, "
     "a colon without a following space and an indentation that differs from the lines above.",
     false},
    {Code::DuplicateKey, "AT-Y006", "key given twice in one map",
     "YAML readers disagree about which of two equal keys counts. The reviewer reads one, the tool another: refused.",
     false},
    {Code::MergeKey, "AT-Y007", "merge key",
     "`<<` pulls one map into another with rules that YAML 1.2 dropped. Write the keys out, or split the spec into "
     "several files, "
     "which airtight merges itself.",
     false},
    {Code::YamlTag, "AT-Y008", "tag",
     "A tag (`!!str`, `!anything`) changes how a reader takes a value. The language gives each field one type; write "
     "the plain value.",
     false},
    {Code::AliasExpansion, "AT-Y009", "too much expansion by aliases",
     "Aliases repeat what an anchor marked. Nested ones grow exponentially, so the number of repeated nodes is "
     "bounded.",
     false},
    {Code::TooDeep, "AT-Y010", "nesting too deep",
     "No spec needs more than 32 levels; deeper text is an attack or an accident.", false},
    {Code::TooBig, "AT-Y011", "text too big",
     "A spec file may have 32 MiB and a scalar 4 KiB. Larger ones are an attack or an accident.", false},
    {Code::SeveralDocuments, "AT-Y012", "several documents in one file",
     "A spec file holds one document. Several files are merged: give each to the command.", false},
    {Code::EmptyDocument, "AT-Y013", "empty document", "The file holds no YAML document, only white space or comments.",
     false},
    {Code::KeyNotScalar, "AT-Y014", "key that is not a plain name",
     "Keys of a spec are plain names; a list, a map, an alias or null as "
     "a key has no meaning.",
     false},
    {Code::LineEnd, "AT-Y015", "line end or mark that tools read differently",
     "A carriage return without a line feed, a byte order mark inside the text, or U+0085, U+2028 or U+2029: some "
     "tools end a line there and some "
     "do not, so positions and comments mean different things to different readers. LF and CRLF line ends are both "
     "fine.",
     false},
    {Code::BidiCharacter, "AT-Y016", "invisible or direction-changing character",
     "Bidirectional controls and zero-width characters make text look different from what it is. They are refused "
     "everywhere, comments included.",
     false},
    {Code::ArtifactSyntax, "AT-Y017", "artifact that is not in its language",
     "A ruleset, zone file or resolver configuration that `verify` was given is cut off, or is not written as nft, "
     "iptables-restore or named would read it. Nothing is judged: what could not be read might be what lets packets out.",
     false},

    {Code::UnknownField, "AT-S101", "unknown field",
     "Unknown keys are errors, because a misspelt key that is ignored is a rule that silently does not exist. "
     "`airtight schema` lists the fields.",
     true},
    {Code::MissingField, "AT-S102", "missing field", "A field that the language requires is absent.", true},
    {Code::WrongType, "AT-S103", "value of the wrong shape",
     "A list, a map or a single value stands where the language wants another of these.", true},
    {Code::WrongApiVersion, "AT-S104", "wrong apiVersion", "This build reads `airtight.dev/v1`.", true},
    {Code::WrongKind, "AT-S105", "wrong kind", "A spec is of kind `IsolationSpec`.", true},
    {Code::UnknownValue, "AT-S106", "value that is not on the field's list",
     "The field takes one of a closed list of words.", true},
    {Code::NotFilled, "AT-S107", "value still to be filled in",
     "A null in a base (the files under policies/) marks what each site must give itself. Give the value in a second "
     "file, or replace the null.",
     false},
    {Code::EmptyValue, "AT-S108", "empty value",
     "An empty list, map or string stands where the language needs at least one.", true},
    {Code::GivenTwice, "AT-S109", "value that two files give",
     "Several files make one spec: maps merge key by key, flows and exceptions append. A value that two files give, "
     "equal or not, is refused, "
     "because the order of files must not decide.",
     false},
    {Code::RepeatedItem, "AT-S110", "item listed twice",
     "The same item stands twice in one list: one of them was probably meant to be another.", false},

    {Code::BadAddress, "AT-S201", "text that is no IP address",
     "IPv4 in dotted quad without leading zeros, IPv6 as RFC 4291; no zone index, no port.", true},
    {Code::BadPrefix, "AT-S202", "text that is no prefix",
     "ADDRESS/LENGTH, as 10.0.0.0/8 or fd00::/8. A single address has /32 or /128.", true},
    {Code::HostBits, "AT-S203", "prefix with host bits set",
     "10.0.0.1/8 could mean the address or the network. Readers differ, so the spec holds canonical prefixes only.",
     false},
    {Code::NotCanonical, "AT-S204", "address or name that is not in canonical form",
     "One value has one spelling (RFC 5952 for IPv6, lower case for names), so that text search and reviews find it.",
     false},
    {Code::BadPort, "AT-S205", "text that is no port",
     "PORT/tcp, FIRST-LAST/udp, PORT/sctp or icmp; ports are 1 to 65535.", true},
    {Code::BadName, "AT-S206", "text that is no name",
     "Names are lower-case letters, digits and hyphens, start and end with a letter or digit, and have at most 63 "
     "characters (RFC 1123 label), as Kubernetes wants them.",
     true},
    {Code::BadDomain, "AT-S207", "text that is no domain name",
     "A name of letters, digits, hyphens and underscores in labels of at most 63 characters; names in other "
     "scripts are written as A-labels (xn--…).",
     false},
    {Code::BadLabel, "AT-S208", "text that is no Kubernetes label",
     "Keys are [prefix/]name, values at most 63 characters; both as Kubernetes refuses and accepts them.", false},
    {Code::BadDate, "AT-S209", "text that is no date", "YYYY-MM-DD, a day that exists.", true},
    {Code::BadVersion, "AT-S210", "text that is no Kubernetes version",
     "MAJOR.MINOR in quotes, as \"1.29\": without quotes YAML reads 1.30 as the number 1.3.", true},
    {Code::BadBoolean, "AT-S211", "text that is no boolean",
     "`true` or `false`. `yes`, `on` and `1` are booleans for some readers and words for others.", true},
    {Code::BadDevice, "AT-S212", "text that is no device name pattern",
     "A Linux device name of at most 15 characters, with at most one `*`, at its end.", true},
    {Code::LookAlike, "AT-S213", "look-alike character",
     "A character of another script looks like a Latin letter. A reviewer cannot tell the two names apart, so names "
     "are ASCII.",
     true},
    {Code::AmbiguousScalar, "AT-S214", "value that YAML readers take differently",
     "Octal, hexadecimal, sexagesimal and underscored numbers, `yes`/`no`/`on`/`off` and `~` are different values for "
     "different YAML readers. Write the plain form, in quotes where text is meant.",
     false},

    {Code::UnknownName, "AT-S301", "name that nothing declares",
     "A flow, exception or zone names a workload or endpoint that does not exist.", false},
    {Code::UnknownPortName, "AT-S302", "port name that the workload does not serve",
     "NAME.PORTNAME needs PORTNAME under the workload's `serves`.", false},
    {Code::OutsideFlow, "AT-S303", "flow to an address",
     "Flows go between names. A system inside the boundary is declared under `endpoints`; an address outside is an "
     "exception, with ticket, approver and expiry.",
     false},
    {Code::NoPorts, "AT-S304", "flow without ports",
     "Neither the flow nor its destination says which ports. No ports is never taken as all ports.", false},
    {Code::PortsTwice, "AT-S305", "ports given twice", "The flow names a port by NAME.PORTNAME and lists `ports` too.",
     false},
    {Code::NameTaken, "AT-S306", "name already taken",
     "Workloads and endpoints share one name space, and `nodes`, `api-server` and `cluster-dns` are built in.", false},
    {Code::NotPrivate, "AT-S307", "inside range that is not private",
     "What is inside must be RFC 1918 or fc00::/7 space, unless `boundary.internal` lists the range with a reason.",
     false},
    {Code::NeedsApproval, "AT-S308", "global space declared inside without approval",
     "Global address space (documentation ranges included) inside the boundary needs `approvedBy`, at any width: who "
     "declares the internet inside has opened the gap.",
     false},
    {Code::MeetsCatalogue, "AT-S309", "address of a denied catalogue",
     "An address that is declared inside, or an exception, holds an address that a denied catalogue names.", false},
    {Code::RangesOverlap, "AT-S310", "overlapping cluster ranges",
     "Pod, service and node ranges must not share an address: rules for one would hold for the other.", false},
    {Code::CarriesIpv4, "AT-S311", "IPv6 address that carries IPv4",
     "IPv4-mapped, NAT64, 6to4, Teredo and similar addresses lead to the IPv4 address inside them. They are refused as "
     "inside addresses; declare the IPv4 address itself.",
     false},
    {Code::ExceptionTooWide, "AT-S312", "exception too wide", "An exception names at most a /24 (IPv6 /48).", false},
    {Code::ExceptionExpired, "AT-S313", "expired exception",
     "The exception ended (its last day counts until 23:59:59Z). Remove it, or have it approved anew.", false},
    {Code::ExceptionInside, "AT-S314", "exception for an inside address",
     "An exception is for the outside; inside, declare an endpoint and a flow.", false},
    {Code::UnknownCatalogue, "AT-S315", "unknown catalogue", "`airtight catalogue list` names them.", true},
    {Code::TargetConflict, "AT-S316", "targets that exclude each other",
     "`cilium` and `calico` are two plugins; one cluster runs one of them.", false},
    {Code::EndpointInCluster, "AT-S317", "endpoint with an address of the cluster",
     "An endpoint is outside the cluster. Pods and Services are reached by declaring the workload behind them; plugins "
     "do not match pods by address.",
     false},
    {Code::OutOfRange, "AT-S318", "address outside the range that it belongs to",
     "For instance a DNS Service address that is not in `services`.", false},
    {Code::NothingToEnforce, "AT-S319", "flow between two endpoints",
     "Neither side is in the cluster, so no layer of the cluster sees such a packet.", false},
    {Code::NeedsTarget, "AT-S320", "setting that needs a target",
     "For instance `dataplane: ebpf`, where packets go around netfilter, needs the `tc` target.", false},
    {Code::NameDenied, "AT-S321", "inside name that is denied",
     "A zone or an endpoint's name is denied by a catalogue or by `dns.deny`. In `private-vpc` an endpoint's own names "
     "win over catalogues; air-gapped they do not.",
     false},
    {Code::BadForward, "AT-S322", "zone forwarded to what is no resolver",
     "`forward` names endpoints of role `dns` that listen on port 53.", false},
    {Code::NotMulticast, "AT-S323", "address that is no multicast group",
     "`multicast` lists groups of 224.0.0.0/4 or ff00::/8.", false},
    {Code::Contradiction, "AT-S324", "settings that contradict each other",
     "Two fields say opposite things; the message names both.", false},
    {Code::DeviceOverlap, "AT-S325", "device pattern in two classes",
     "A device cannot be an uplink and a pod-side or overlay device: what leaves the node must be held.", false},
    {Code::ForwardWithoutFlow, "AT-S326", "zone forwarded where cluster-dns may not ask",
     "A zone is forwarded to an endpoint, but no flow lets `cluster-dns` reach it. Names in the zone will not resolve "
     "for pods. "
     "This is a warning: the resolver that you generate may run elsewhere.",
     false},
    {Code::RootZone, "AT-S327", "zone that is too wide to be inside",
     "The root cannot be an inside zone: every name would be inside.", false},
    {Code::BoundaryTooWide, "AT-S328", "boundary that holds a whole address family",
     "Where every IPv4 or every IPv6 address is inside, nothing is outside and there is no gap to enforce.", false},

    {Code::TargetUnavailable, "AT-T401", "target that this build cannot write",
     "The name belongs to the language, but this build has no emitter for it.", false},
    {Code::TargetVersion, "AT-T402", "target that the cluster's version cannot carry",
     "`boundary.cluster.version` is older than what the target needs.", false},
    {Code::CannotExpress, "AT-T403", "rule that the target cannot express",
     "A rule that a target cannot say exactly is refused; it is never made wider.", false},
    {Code::TargetNeeds, "AT-T404", "target without what it needs",
     "The target needs a field that the spec does not give.", false},

    {Code::PolicySyntax, "AT-P501", "policy.json that does not parse",
     "The file is not a compiled policy of this format.", false},
    {Code::PolicyDigest, "AT-P502", "policy.json that was edited",
     "The digest that the file carries is not the digest of its content.", false},
    {Code::PolicyVersion, "AT-P503", "policy.json of another format version",
     "Compile the spec again with this version.", false},

    {Code::CannotRead, "AT-F601", "file that cannot be read",
     "The operating system refused; its reason is in the message.", false},
    {Code::CannotWrite, "AT-F602", "output that cannot be written",
     "The operating system refused; what was there before is intact.", false},
    {Code::ForeignFiles, "AT-F603", "output directory with files that are not ours",
     "The directory holds files that no manifest of airtight lists. They are never overwritten or removed without "
     "--force.",
     false},
    {Code::Stale, "AT-F604", "artifact that differs from the spec",
     "`compile --check` found an artifact missing, edited, or left from an older spec.", false},
    {Code::NotARegularFile, "AT-F605", "path that is no regular file",
     "Devices, sockets and directories are not read as specs.", false},
    {Code::BadCatalogue, "AT-F606", "rules directory that is not usable",
     "A file under --rules does not follow rules/catalogue.schema.json or rules/registry.schema.json.", false},

    {Code::Usage, "AT-U701", "wrong use of the command line", "`airtight COMMAND --help` shows what it takes.", false},
};

constexpr bool table_in_order() {
  std::size_t at = 0;
  for (const CodeInfo& row : kTable)
    if (static_cast<std::size_t>(row.code) != at++) return false;
  return at == static_cast<std::size_t>(Code::Usage) + 1;
}
static_assert(table_in_order(), "one row a code, in the order of the enumeration: info() indexes");

}  // namespace

std::span<const CodeInfo> code_table() { return kTable; }

const CodeInfo& info(Code code) { return kTable[static_cast<std::size_t>(code)]; }

std::optional<CodeInfo> find_code(std::string_view id) {
  const auto same = [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; };
  for (const CodeInfo& row : kTable)
    if (std::equal(id.begin(), id.end(), row.id.begin(), row.id.end(), same)) return row;
  return std::nullopt;
}

}  // namespace airtight
