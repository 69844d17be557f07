#include "compiler/emit/nftables.h"

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/emit/nftables_parts.h"

namespace airtight {
namespace nftables {
namespace {

constexpr std::size_t kCommentOctets = 120;  // nft takes 128 at most
constexpr std::string_view kLogLimit = "limit rate 5/second burst 10 packets ";

std::string quoted_name(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string range_text(std::uint16_t first, std::uint16_t last) {
  return first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
}

std::string number_set(const PortSet& numbers) {
  std::string list;
  for (const Interval<std::uint16_t>& range : numbers.intervals()) {
    list += (list.empty() ? "" : ", ") + range_text(range.first, range.last);
  }
  return numbers.intervals().size() == 1 ? list : "{ " + list + " }";
}

// The parts of one rule about protocol and ports; several where one nft rule cannot say it (ICMP types with some
// codes).
std::vector<std::string> service_texts(Protocol protocol, const PortSet& selectors) {
  switch (protocol) {
    case Protocol::Tcp:
    case Protocol::Udp:
    case Protocol::Sctp:
      if (selectors.is_all()) return {"meta l4proto " + std::string(to_string(protocol))};
      return {std::string(to_string(protocol)) + " dport " + number_set(selectors)};
    case Protocol::Other:
      return {"meta l4proto " + number_set(selectors)};
    case Protocol::Icmp:
    case Protocol::Icmpv6:
      break;
  }
  const std::string name = protocol == Protocol::Icmp ? "icmp" : "icmpv6";
  if (selectors.is_all()) return {protocol == Protocol::Icmp ? "meta l4proto icmp" : "meta l4proto ipv6-icmp"};
  std::vector<std::string> texts;
  std::vector<Interval<std::uint16_t>> whole;  // types with every code
  for (unsigned type = 0; type < 256; ++type) {
    const auto base = static_cast<std::uint16_t>(type * 256);
    const PortSet codes = selectors & PortSet::of(base, static_cast<std::uint16_t>(base + 255));
    if (codes.empty()) continue;
    if (codes == PortSet::of(base, static_cast<std::uint16_t>(base + 255))) {
      whole.push_back({static_cast<std::uint16_t>(type), static_cast<std::uint16_t>(type)});
      continue;
    }
    std::vector<Interval<std::uint16_t>> low;
    for (const Interval<std::uint16_t>& range : codes.intervals())
      low.push_back({static_cast<std::uint16_t>(range.first - base), static_cast<std::uint16_t>(range.last - base)});
    texts.push_back(name + " type " + std::to_string(type) + " " + name + " code " + number_set(PortSet::from(low)));
  }
  if (!whole.empty()) texts.push_back(name + " type " + number_set(PortSet::from(std::move(whole))));
  return texts;
}

std::string shape_text(Shape shape, std::optional<Family> family) {
  const bool v4 = family == Family::V4;
  switch (shape) {
    case Shape::None:
      return "";
    case Shape::LooseSourceRoute:
      return "ip option lsrr exists";
    case Shape::StrictSourceRoute:
      return "ip option ssrr exists";
    case Shape::RoutingHeader:
      return "exthdr rt exists";
    case Shape::NeighbourDiscovery:
      return "ip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } icmpv6 code "
             "0";
    case Shape::ListenerDiscovery:
      return "ip6 hoplimit 1 icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, "
             "mld2-listener-report }";
    case Shape::DhcpClient:
      return v4 ? "udp sport 68 udp dport 67" : "udp sport 546 udp dport 547";
    case Shape::RouterRole:
      return v4 ? "icmp type { redirect, router-advertisement }" : "icmpv6 type { nd-router-advert, nd-redirect }";
    case Shape::DhcpServer:
      return v4 ? "udp sport 67 udp dport 68" : "udp sport 547 udp dport 546";
  }
  return "";
}

std::string element(const Prefix& prefix) {
  return prefix.length() == width(prefix.family()) ? to_string(prefix.first()) : to_string(prefix);
}

class InetText {
 public:
  explicit InetText(const PacketFilter& filter) : filter_(filter) {}

  TableText run() {
    const std::string table = "table inet " + std::string(kInetTable);
    out_ =
        "# One transaction: the table is made if it is not there, deleted, and made anew. Nothing else is touched.\n" +
        table + "\ndelete " + table + "\n" + table + " {\n";
    for (const DropReason& reason : filter_.drops) out_ += "  counter " + reason.name + " { }\n";
    for (const std::string& counter : filter_.counters) out_ += "  counter " + counter + " { }\n";
    for (const AddressSet& set : filter_.sets) add_set(set);
    for (const DropReason& reason : filter_.drops) add_drop_chain(reason);
    // A chain that others go to stands before them, so that the file reads from its leaves.
    for (const bool leaves : {true, false})
      for (const FilterChain& chain : filter_.chains)
        if ((chain.hook == Hook::None) == leaves) add_chain(chain);
    out_ += "}\n";
    return {std::move(out_), counting()};
  }

 private:
  void add_set(const AddressSet& set) {
    out_ += '\n';
    for (const std::string& note : set.notes) out_ += "  # " + comment_text(note) + "\n";
    out_ += "  set " + set.name + " {\n    type " + (set.family == Family::V4 ? "ipv4_addr" : "ipv6_addr") +
            "\n    flags interval\n    elements = {\n";
    std::string line;
    for (const Prefix& prefix : set.addresses.prefixes()) {
      const std::string text = element(prefix);
      if (line.size() + text.size() > 100) {
        out_ += "      " + line + ",\n";
        line.clear();
      }
      line += (line.empty() ? "" : ", ") + text;
    }
    out_ += "      " + line + "\n    }\n  }\n";
  }

  void add_drop_chain(const DropReason& reason) {
    out_ += "\n  # " + comment_text(reason.why) + "\n  chain drop_" + reason.name + " {\n    counter name " +
            quoted_name(reason.name) + "\n    " + std::string(kLogLimit) + "log prefix " +
            quoted_name(reason.log_prefix) + "\n    drop\n  }\n";
  }

  void add_chain(const FilterChain& chain) {
    out_ += "\n  # " + chain.purpose + "\n  chain " + chain.name + " {\n";
    switch (chain.hook) {
      case Hook::None:
        break;
      case Hook::Prerouting:
        out_ += "    type filter hook prerouting priority raw; policy accept;\n";
        break;
      case Hook::Forward:
        out_ += "    type filter hook forward priority filter; policy drop;\n";
        break;
      case Hook::Output:
        out_ += "    type filter hook output priority filter; policy drop;\n";
        break;
    }
    for (const FilterRule& rule : chain.rules) add_rule(rule);
    out_ += "  }\n";
  }

  void add_rule(const FilterRule& rule) {
    if (rule.why.size() > 1)
      for (const std::string& why : rule.why) out_ += "    # " + comment_text(why) + "\n";
    const FilterMatch& match = rule.match;
    std::string head;
    const std::string ip = rule.family == Family::V6 ? "ip6 " : "ip ";
    if (rule.family) head += rule.family == Family::V4 ? "meta nfproto ipv4 " : "meta nfproto ipv6 ";
    if (!match.in_device.empty()) head += "iifname " + quoted_name(match.in_device) + " ";
    if (match.source)
      head += ip + "saddr " + (match.not_source ? "!= @" : "@") + filter_.sets[*match.source].name + " ";
    if (match.destination) {
      head += ip + "daddr " + (match.not_destination ? "!= @" : "@") + filter_.sets[*match.destination].name + " ";
    }
    if (match.shape != Shape::None) head += shape_text(match.shape, rule.family) + " ";
    if (match.number) head += "meta l4proto " + std::to_string(*match.number) + " ";
    if (match.established) head += "ct state established,related ";
    if (match.local_destination) head += "fib daddr type local ";
    const std::string tail = verdict_text(rule) + rule_comment(rule.why) + "\n";
    if (!match.protocol) {
      out_ += "    " + head + tail;
      return;
    }
    for (const std::string& service : service_texts(*match.protocol, match.selectors)) {
      out_ += "    " + head + service + " " + tail;
    }
  }

  std::string verdict_text(const FilterRule& rule) const {
    const std::string counter = rule.counter.empty() ? "" : "counter name " + quoted_name(rule.counter) + " ";
    switch (rule.verdict) {
      case Verdict::Accept:
        return counter + "accept";
      case Verdict::Drop:
        return counter + "goto drop_" + filter_.drops[rule.target].name;
      case Verdict::Goto:
        return counter + "goto " + filter_.chains[rule.target].name;
    }
    return "drop";
  }

  std::string counting() const {
    const std::string table = " inet " + std::string(kInetTable) + " ";
    std::string text;
    for (const FilterChain& chain : filter_.chains) {
      if (chain.hook == Hook::Forward || chain.hook == Hook::Output)
        text += "add chain" + table + chain.name + " { policy accept; }\n";
    }
    for (const DropReason& reason : filter_.drops) {
      const std::string chain = table + "drop_" + reason.name;
      text += "flush chain" + chain + "\nadd rule" + chain + " counter name " + quoted_name(reason.name) +
              "\nadd rule" + chain + " " + std::string(kLogLimit) + "log prefix " +
              quoted_name("audit: " + reason.log_prefix) + "\n";
    }
    return text;
  }

  const PacketFilter& filter_;
  std::string out_;
};

}  // namespace

std::string header_text(const Policy& policy, std::string_view purpose) {
  const std::string header = artifact_header(policy, TargetId::Nftables, "# ", purpose);
  std::string text;
  std::size_t begin = 0;
  while (begin < header.size()) {
    const std::size_t end = std::min(header.find('\n', begin), header.size());
    const std::string line = header.substr(begin, end - begin);
    text += (line.starts_with('#') ? "" : "# ") + line + "\n";
    begin = end + 1;
  }
  return text;
}

std::string rule_comment(const std::vector<std::string>& why) {
  std::string text;
  for (const std::string& part : why) text += (text.empty() ? "" : "; ") + part;
  text = comment_text(text);
  if (text.empty()) return "";
  for (char& c : text)
    if (c == '"') c = '\'';
  if (text.size() > kCommentOctets) {
    std::size_t end = kCommentOctets - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a UTF-8 sequence
    text = text.substr(0, end) + "...";
  }
  return " comment \"" + text + "\"";
}

TableText inet_table(const Policy& policy) {
  const PacketFilter filter = lower_to_packet_filter(policy);
  return InetText(filter).run();
}

std::vector<std::string> literal_uplinks(const Policy& policy) {
  std::vector<std::string> names;
  for (const std::string& name : policy.cluster.uplinks)
    if (!name.ends_with('*')) names.push_back(name);
  return names;
}

std::vector<std::string> uplink_patterns(const Policy& policy) {
  std::vector<std::string> patterns;
  for (const std::string& name : policy.cluster.uplinks)
    if (name.ends_with('*')) patterns.push_back(name);
  return patterns;
}

std::string remove_text() {
  std::string text = "# Naming a table makes it where it is absent, so that deleting it never fails.\n";
  for (const std::string& table :
       {"table inet " + std::string(kInetTable), "table netdev " + std::string(kEgressTable)})
    text += table + "\ndelete " + table + "\n";
  return text;
}

namespace {

Diagnostic& refuse(Diagnostics& diagnostics, Code code, const Span& where, std::string message) {
  if (where.known()) return diagnostics.error(code, where, std::move(message));
  return diagnostics.error(code, "nftables", std::move(message));
}

void check(const Policy& policy, Diagnostics& diagnostics) {
  if (policy.cluster.uplinks.empty()) {
    refuse(diagnostics, Code::TargetNeeds, policy.cluster.uplinks_origin.span,
           "nftables cannot hold raw senders without the names of the uplinks")
        .expect("boundary.cluster.uplinks, the devices by which packets leave a node")
        .help("for example uplinks: [eth0], or a pattern: [en*]");
  }
  const std::vector<std::string> literals = literal_uplinks(policy);
  for (std::size_t i = 0; i < literals.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (filter_name(literals[i]) != filter_name(literals[j])) continue;
      refuse(diagnostics, Code::CannotExpress, policy.cluster.uplinks_origin.span,
             "nftables cannot tell the uplinks " + quoted(literals[j]) + " and " + quoted(literals[i]) + " apart")
          .help("a pattern that matches both is bound to each");
    }
  }
  for (const EtherType& type : policy.cluster.l2) {
    if (type.value != 0x0800 && type.value != 0x86dd) continue;
    refuse(diagnostics, Code::CannotExpress, policy.cluster.uplinks_origin.span,
           "l2 cannot let " + quoted(type.name) + " pass: IP leaves by its addresses only");
  }
  for (const Exception& exception : policy.exceptions) {
    if (policy.is_pod(exception.from) || policy.is_node_side(exception.from)) continue;
    refuse(diagnostics, Code::CannotExpress, exception.origin.span,
           "a node's firewall cannot make an exception for " + quoted(policy.name_of(exception.from)) +
               ": its packets leave from another machine");
  }
}

std::vector<Artifact> emit(const Policy& policy) {
  const TableText inet = inet_table(policy);
  const EgressText egress = egress_table(policy);
  const auto header = [&](std::string_view purpose) { return header_text(policy, purpose) + "\n"; };
  const auto artifact = [](std::string name, std::string content, bool executable) {
    return Artifact{"nftables/" + std::move(name), TargetId::Nftables, Layer::Firewall, std::move(content), executable};
  };
  std::string egress_file = header("what may leave by an uplink, raw senders included; load it after airtight.nft") +
                            egress.table.enforcing + "\n" + std::string(kUplinksMarker) + "\n" + egress.literal_uplinks;
  if (!uplink_patterns(policy).empty()) {
    egress_file +=
        "# Uplinks that are patterns get their chains from apply.sh, on the node. Without it they are not held.\n";
  }
  std::vector<Artifact> artifacts;
  artifacts.push_back(artifact("airtight-egress.nft", std::move(egress_file), false));
  artifacts.push_back(artifact(
      "airtight.nft", header("what the node and its pods may send; outside is dropped first") + inet.enforcing, false));
  artifacts.push_back(artifact("apply.sh", apply_script(policy, inet, egress), true));
  artifacts.push_back(
      artifact("remove.nft", header("takes both tables away, and nothing else") + remove_text(), false));
  artifacts.push_back(artifact("remove.sh", remove_script(policy), true));
  return artifacts;
}

}  // namespace
}  // namespace nftables

const Target kNftablesTarget = {
    TargetId::Nftables,
    Layer::Firewall,
    "every node's packet filter: inet output and forward, and the egress hook of each uplink",
    std::nullopt,
    nftables::check,
    nftables::emit};

}  // namespace airtight
