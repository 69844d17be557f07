// Rules in few words, so that a test can say the whole of one: "[0800 ip.dst=10.0.0.0-10.255.255.255 proto=6] accept".
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "compiler/net/ip.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"
#include "compiler/verify/document.h"
#include "compiler/verify/firewall/payload_layout.h"
#include "compiler/verify/firewall/ruleset.h"

namespace airtight::verify {

inline std::string hex_words(u128 value) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789abcdef"[static_cast<std::size_t>(value & 15)]);
    value >>= 4;
  } while (value != 0);
  return text;
}

inline std::string interface_words(u128 first, u128 last) {
  std::string name;
  for (int shift = 120; shift >= 0; shift -= 8) {
    const auto byte = static_cast<unsigned char>(first >> shift & 255);
    if (byte == 0) break;
    name += static_cast<char>(byte);
  }
  if (first == last) return name.empty() ? "none" : name;
  Box box;
  return Values::of(first, last) == interface_values(name + "*") ? name + "*"
                                                                 : hex_words(first) + "-" + hex_words(last);
}

inline std::string interval_words(Field field, const Interval<u128>& interval) {
  const auto one = [field](u128 value) {
    if (field == Field::Ip4Source || field == Field::Ip4Destination)
      return to_string(Ip::v4(static_cast<std::uint32_t>(value)));
    if (field == Field::Ip6Source || field == Field::Ip6Destination) return to_string(Ip::v6(value));
    return hex_words(value);
  };
  if (field == Field::InInterface || field == Field::OutInterface)
    return interface_words(interval.first, interval.last);
  return one(interval.first) + (interval.first == interval.last ? "" : "-" + one(interval.last));
}

inline constexpr std::pair<Field, std::string_view> kFieldWords[] = {{Field::EtherType, "ether"},
                                                                     {Field::SkbProtocol, "said"},
                                                                     {Field::EthDestination, "mac.dst"},
                                                                     {Field::EthSource, "mac.src"},
                                                                     {Field::InInterface, "iif"},
                                                                     {Field::OutInterface, "oif"},
                                                                     {Field::Ip4Source, "ip.src"},
                                                                     {Field::Ip4Destination, "ip.dst"},
                                                                     {Field::Ip6Source, "ip6.src"},
                                                                     {Field::Ip6Destination, "ip6.dst"},
                                                                     {Field::Ip4VersionLength, "ihl"},
                                                                     {Field::Ip4SourceRoute, "lsrr"},
                                                                     {Field::Ip4Fragment, "frag"},
                                                                     {Field::Ip6Routing, "rt"},
                                                                     {Field::HopLimit, "hops"},
                                                                     {Field::Protocol, "proto"},
                                                                     {Field::Ip6NextHeader, "next"},
                                                                     {Field::Ip6SecondHeader, "second"},
                                                                     {Field::SourcePort, "sport"},
                                                                     {Field::DestinationPort, "dport"},
                                                                     {Field::IcmpTypeCode, "icmp"},
                                                                     {Field::Icmpv6TypeCode, "icmp6"},
                                                                     {Field::TcpFlags, "flags"},
                                                                     {Field::State, "state"},
                                                                     {Field::ConntrackDnat, "dnat"},
                                                                     {Field::ConntrackSnat, "snat"},
                                                                     {Field::Mark, "mark"},
                                                                     {Field::Length, "length"},
                                                                     {Field::PacketType, "pkttype"},
                                                                     {Field::LocalDestination, "local"},
                                                                     {Field::VlanProtocol, "inner"},
                                                                     {Field::IpLength, "iplen"},
                                                                     {Field::UdpLength, "udplen"},
                                                                     {Field::Ip4Options, "options"},
                                                                     {Field::Ip6ExtensionLength, "extlen"}};

inline std::string field_words(Field field) {
  for (const auto& [named, name] : kFieldWords)
    if (named == field) return std::string(name);
  return "?";
}

// In the order of kFieldWords, whatever the order of the fields is.
inline std::string box_words(const Box& box) {
  std::string text;
  for (const auto& [field, name] : kFieldWords) {
    if (field == Field::Count || box.is_free(field)) continue;
    if (!text.empty()) text += ' ';
    text += std::string(name) + "=";
    std::string list;
    for (const Interval<u128>& interval : box.values(field).intervals())
      list += (list.empty() ? "" : ",") + interval_words(field, interval);
    text += list;
  }
  return "[" + text + "]";
}

inline std::string verdict_words(const FirewallVerdict& verdict) {
  static constexpr std::array<std::string_view, 8> kNames{"next", "accept", "drop",      "jump",
                                                          "goto", "return", "translate", "elsewhere"};
  std::string text(kNames[static_cast<std::size_t>(verdict.kind)]);
  if (!verdict.chain.empty()) text += " " + verdict.chain;
  if (!verdict.text.empty()) text += " (" + verdict.text + ")";
  return text;
}

inline std::string rule_words(const FirewallRule& rule) {
  std::string text;
  if (!rule.understood) text += "not understood: " + rule.why_not + "; ";
  if (rule.limited) text += "limited; ";
  if (rule.rewrites) text += "rewrites " + rule.rewrite_text + "; ";
  for (const Field field : rule.changes) text += "changes " + field_words(field) + "; ";
  for (const FirewallBranch& branch : rule.branches) {
    if (&branch != &rule.branches.front()) text += " | ";
    for (const Box& box : branch.match) text += box_words(box) + " ";
    if (branch.match.empty()) text += "never ";
    text += verdict_words(branch.verdict);
  }
  return text;
}

struct ReadText {
  bool ok = false;
  std::string errors;
  Ruleset ruleset;
};

enum class Reader : std::uint8_t { Text, Json, Save };
inline ReadText read_firewall(Reader reader, std::string text) {
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add("rules", std::move(text));
  ReadText result;
  if (reader == Reader::Text) {
    result.ok = read_nftables_text(source, sources, diagnostics, result.ruleset);
  } else if (reader == Reader::Save) {
    result.ok = read_iptables_save(source, sources, diagnostics, result.ruleset);
  } else if (const auto document = read_document(source, sources, diagnostics)) {
    result.ok = read_nftables_json(*document, sources, diagnostics, result.ruleset);
  }
  result.errors = render_text(diagnostics, sources, false);
  return result;
}

}  // namespace airtight::verify
