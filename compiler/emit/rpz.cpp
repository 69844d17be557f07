#include "compiler/emit/rpz.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/net/domain.h"
#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"

namespace airtight {
namespace {

constexpr std::string_view kNameServer = "ns.airtight.invalid.";
constexpr std::string_view kNxdomain = " CNAME .";
constexpr std::string_view kPass = " CNAME rpz-passthru.";
// Keeps the name above it in the zone, without data.
constexpr std::string_view kPlaceholder = "_inside.";
constexpr std::size_t kLongestName = 255;  // octets on the wire (RFC 1035 §2.3.4)
// What the placeholder and the name of the policy zone add on the wire.
constexpr std::size_t kTriggerOverhead = kPlaceholder.size() + 1 + kNamesZone.size();

// Labels that RPZ reads as another kind of trigger, if a name ends in one.
constexpr std::array<std::string_view, 4> kTriggerLabels{"rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname"};

std::string place(const Origin& origin) { return comment_text(to_string(origin)); }

// Eight octets a step: zones of many prefixes have tens of megabytes.
std::uint32_t hash_of(std::string_view text, std::string_view more) {
  std::uint64_t hash = 14695981039346656037U;
  for (const std::string_view part : {text, more}) {
    for (std::size_t at = 0; at < part.size(); at += 8) {
      std::uint64_t word = 0;
      for (std::size_t i = at; i < std::min(at + 8, part.size()); ++i) {
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(part[i])) << (8 * (i - at));
      }
      hash = (hash ^ word) * 1099511628211U;
      hash ^= hash >> 32;  // so that the upper octets of a word reach the lower half too
    }
  }
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

constexpr std::size_t kHeadRoom = 4096;  // bytes; a longer head costs a copy, nothing else

// The serial is made from the spec's digest and the records: it changes with either, but is no count of anything.
std::string zone_file(const Policy& policy, std::string head, std::string_view origin, std::string records) {
  const std::uint32_t hash = hash_of(policy.spec_digest, records);
  head += "$TTL 60\n$ORIGIN ";
  head += origin;
  head += "\n@ SOA ";
  head += kNameServer;
  head += " hostmaster.airtight.invalid. (\n    " + std::to_string(hash == 0 ? 1 : hash);
  head += " ; serial, made from the content: it has no order\n    3600 600 2147483647 60 )\n@ NS ";
  head += kNameServer;
  head += '\n';
  records.insert(0, head);
  return records;
}

std::string policy_zone(const Policy& policy, std::string_view purpose, std::string_view zone, std::size_t triggers,
                        std::string records) {
  std::string header = artifact_header(policy, TargetId::Rpz, "; ", purpose);
  header += "; policy zone: ";
  header += zone;
  header += "\n; triggers: " + std::to_string(triggers) + '\n';
  return zone_file(policy, std::move(header), std::string(zone) + '.', std::move(records));
}

// ---- names

// One name that stands in a zone of QNAME triggers: what becomes of it, and of what is below it as far as no longer
// name of the zone says otherwise.
struct NameEntry {
  std::string_view name;  // the root is empty
  bool self = false;
  bool below = false;
  bool between = false;  // stands only above others
};

std::string_view parent_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

bool is_within(std::string_view name, std::string_view zone) {
  if (zone.empty() || name == zone) return true;
  return name.size() > zone.size() && name.substr(name.size() - zone.size()) == zone &&
         name[name.size() - zone.size() - 1] == '.';
}

// The nodes of `set`, the names in `also` and every name above one of these, in canonical order; linear. Views live as
// long as `set` and `also`, which is sorted and without duplicates.
std::vector<NameEntry> close_upwards(const DomainSet& set, const std::vector<Domain>& also) {
  std::vector<NameEntry> entries{{{}, false, false, true}};
  std::vector<NameEntry> open{entries.front()};  // from the root down to the last entry
  std::vector<std::string_view> missing;
  const auto push = [&](NameEntry entry) {
    while (!is_within(entry.name, open.back().name)) open.pop_back();
    // From the name to what is already there, then back.
    missing.clear();
    for (std::string_view up = entry.name; up != open.back().name; up = parent_of(up)) missing.push_back(up);
    while (missing.size() > 1) {
      const bool inherited = open.back().below;
      open.push_back({missing.back(), inherited, inherited, true});
      entries.push_back(open.back());
      missing.pop_back();
    }
    if (missing.empty()) {  // the root
      open.back() = entries.back() = entry;
      return;
    }
    open.push_back(entry);
    entries.push_back(entry);
  };
  const auto nodes = set.nodes();
  std::size_t i = 0;
  for (const Domain& name : also) {
    for (; i < nodes.size() && nodes[i].name < name; ++i) push({nodes[i].name.text(), nodes[i].self, nodes[i].below});
    if (i < nodes.size() && nodes[i].name == name) continue;
    while (!is_within(name.text(), open.back().name)) open.pop_back();
    push({name.text(), open.back().below, open.back().below});
  }
  for (; i < nodes.size(); ++i) push({nodes[i].name.text(), nodes[i].self, nodes[i].below});
  return entries;
}

// The comment after a name's own trigger, and the section that it stands in.
struct NameLabel {
  std::size_t section = 0;
  std::string text;
};

// What stands in the zones of names besides the nodes of the set, in which section, and why it is there.
struct NamedThings {
  std::map<std::string, NameLabel, std::less<>> inside;
  std::map<std::string, NameLabel, std::less<>> denied;
  std::vector<Domain> denied_names;  // sorted, without duplicates
  std::vector<std::string> titles;   // of the sections

  static constexpr std::size_t kInside = 0, kReverse = 1, kDeny = 2;
  std::size_t between() const { return titles.size() - 1; }
};

NamedThings named_things(const Policy& policy) {
  NamedThings things;
  things.titles = {"inside names", "reverse names of inside addresses", "dns.deny"};
  const auto inside = [&](const Domain& name, std::string text) {
    things.inside.try_emplace(name.text(), NameLabel{NamedThings::kInside, std::move(text)});
  };
  for (const Zone& zone : policy.zones) inside(zone.name, "zone, " + place(zone.origin));
  inside(policy.cluster.domain, "cluster.domain");
  for (const Endpoint& e : policy.endpoints) {
    for (const Domain& name : e.names) inside(name, "endpoint " + comment_text(e.name) + ", " + place(e.origin));
  }

  std::set<Domain> names;
  for (const DeniedName& denied : policy.denied_names) {
    names.insert(denied.name);
    things.denied.try_emplace(denied.name.text(), NameLabel{NamedThings::kDeny, place(denied.origin)});
  }
  for (const Catalogue& catalogue : policy.catalogues) {
    if (!catalogue.denied) continue;
    const std::size_t section = things.titles.size();
    things.titles.push_back("catalogue " + comment_text(catalogue.name) + ": " + comment_text(catalogue.title));
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (entry.match != CatalogueEntry::Match::Suffix && entry.match != CatalogueEntry::Match::Exact) continue;
      std::optional<Domain> name = Domain::parse(entry.value);
      if (!name) continue;  // canonical by contract of CatalogueEntry
      const auto at = names.insert(std::move(*name)).first;
      things.denied.try_emplace(at->text(), NameLabel{section, comment_text(entry.label)});
    }
  }
  things.titles.push_back("names above those of this file, so that what is beside them is found too");
  things.denied_names.assign(names.begin(), names.end());
  return things;
}

const NameLabel* find_label(const std::map<std::string, NameLabel, std::less<>>& labels, std::string_view name) {
  const auto at = labels.find(name);
  return at == labels.end() ? nullptr : &at->second;
}

void add_trigger(std::string& out, std::string_view prefix, std::string_view name, std::string_view action,
                 const NameLabel* label) {
  out += prefix;
  out += name;
  out += action;
  if (label != nullptr && !label->text.empty()) {
    out += "  ; ";
    out += label->text;
  }
  out += '\n';
}

// The records of a big boundary are many megabytes: room is made once, with some for the head, and each section goes as
// it is appended.
void append_sections(std::string& out, const std::vector<std::string>& titles, std::vector<std::string> sections) {
  std::size_t size = out.size() + kHeadRoom;
  for (std::size_t i = 0; i < sections.size(); ++i) size += titles[i].size() + 4 + sections[i].size();
  out.reserve(size);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].empty()) continue;
    out += "\n; ";
    out += titles[i];
    out += '\n';
    out += sections[i];
    sections[i] = std::string();
  }
}

constexpr std::string_view kNamesPurpose = "names that may be asked for; every other does not exist";

void count_and_add(std::size_t& triggers, std::string& out, std::string_view prefix, const NameEntry& entry,
                   std::string_view action, const NameLabel* label) {
  ++triggers;
  add_trigger(out, prefix, entry.name, action, label);
}

// NAME and *.NAME for every name: any way of looking triggers up finds the same.
void add_names(std::string& out, std::size_t& triggers, const NameEntry& entry, const NameLabel* label) {
  const std::string_view below = entry.below ? kPass : kNxdomain;
  if (entry.name.empty()) return count_and_add(triggers, out, "*", entry, below, nullptr);
  count_and_add(triggers, out, "", entry, entry.self ? kPass : kNxdomain, label);
  count_and_add(triggers, out, "*.", entry, below, nullptr);
}

// Only what does not pass is a trigger. A name that stands in the zone without data or a wildcard of its own hides the
// wildcards above it (RFC 4592 §2.2.2), so nothing is found for it and for what is below it.
void add_names_for_bind(std::string& out, std::size_t& triggers, const NameEntry& entry, bool leaf,
                        const NameLabel* label) {
  if (!entry.self && !entry.name.empty()) count_and_add(triggers, out, "", entry, kNxdomain, label);
  if (!entry.below) {
    const NameLabel* shown = entry.self ? label : nullptr;
    count_and_add(triggers, out, entry.name.empty() ? "*" : "*.", entry, kNxdomain, shown);
  } else if (entry.self && leaf) {
    count_and_add(triggers, out, kPlaceholder, entry, kPass, label);
  } else if (label != nullptr && entry.self) {
    out += "; ";
    out += entry.name;
    out += ": " + label->text + " (kept by what stands below it)\n";
  }
}

Artifact names_zone(const Policy& policy, const NamedThings& things, const std::vector<NameEntry>& entries, bool bind) {
  std::vector<std::string> sections(things.titles.size());
  std::size_t triggers = 0;
  std::string records;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const NameEntry& entry = entries[i];
    const NameLabel* label = find_label(entry.self ? things.inside : things.denied, entry.name);
    std::size_t section = NamedThings::kInside;
    if (label != nullptr) {
      section = label->section;
    } else if (entry.between) {
      section = things.between();
    } else if (is_within(entry.name, "in-addr.arpa") || is_within(entry.name, "ip6.arpa")) {
      section = NamedThings::kReverse;
    }
    std::string& out = entry.name.empty() ? records : sections[section];
    if (bind) {
      const bool leaf = i + 1 == entries.size() || !is_within(entries[i + 1].name, entry.name);
      add_names_for_bind(out, triggers, entry, leaf, label);
    } else {
      add_names(out, triggers, entry, label);
    }
  }
  append_sections(records, things.titles, std::move(sections));
  std::string purpose(kNamesPurpose);
  if (bind) purpose += ", for BIND: what passes has no trigger";
  return {bind ? "rpz/names-bind.zone" : "rpz/names.zone", TargetId::Rpz, Layer::Dns,
          policy_zone(policy, purpose, kNamesZone, triggers, std::move(records))};
}

// ---- answers

// Appends "24.0.2.0.192.rpz-ip"; IPv6 in 16-bit words from the last to the first, the longest run of two or more zero
// words (the first in the address if there are several) as "zz": servers refuse another spelling.
void add_ip_trigger(std::string& text, const Prefix& prefix) {
  text += std::to_string(prefix.length());
  if (prefix.family() == Family::V4) {
    const std::uint32_t bits = prefix.first().v4_bits();
    for (int shift = 0; shift < 32; shift += 8) {
      text += '.';
      text += std::to_string((bits >> shift) & 0xff);
    }
    text += ".rpz-ip";
    return;
  }
  std::array<unsigned, 8> words{};  // words[0] is the last of the address
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = static_cast<unsigned>((prefix.first().bits() >> (16 * i)) & 0xffff);
  }
  std::size_t best = 0;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::size_t end = i;
    while (end < words.size() && words[end] == 0) ++end;
    if (end - i >= 2 && end - i >= best_length) {
      best = i;
      best_length = end - i;
    }
    if (end > i) i = end - 1;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (best_length > 1 && i == best) {
      text += ".zz";
      i += best_length - 1;
      continue;
    }
    text += '.';
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
      const unsigned digit = (words[i] >> shift) & 0xf;
      started = started || digit != 0 || shift == 0;
      if (started) text += kHex[digit];
    }
  }
  text += ".rpz-ip";
}

class AnswerTriggers {
 public:
  // A prefix that somebody named; one that was named before keeps its first comment.
  void add(const Prefix& prefix, std::string_view comment) {
    if (prefix.length() == 0 || !named_.insert(prefix).second) return;  // add_rest has its halves
    add_record(prefix);
    text_ += "  ; " + to_string(prefix) + ' ';
    text_ += comment;
    text_ += '\n';
  }
  // Prefixes that are all different. RPZ has no trigger of length 0: there are two halves in its place.
  void add_rest(const std::vector<Prefix>& prefixes) {
    for (const Prefix& prefix : prefixes) {
      if (prefix.length() == 0) {
        const Ip half = prefix.family() == Family::V4 ? Ip::v4(1U << 31) : Ip::v6(static_cast<u128>(1) << 127);
        add_rest({Prefix::containing(prefix.first(), 1), Prefix::containing(half, 1)});
      } else if (named_.count(prefix) == 0) {
        add_record(prefix);
        text_ += '\n';
      }
    }
  }
  void title(std::string_view text) {
    text_ += "\n; ";
    text_ += text;
    text_ += '\n';
  }
  std::string take_text() { return std::move(text_); }
  std::size_t size() const { return size_; }

 private:
  void add_record(const Prefix& prefix) {
    ++size_;
    add_ip_trigger(text_, prefix);
    text_ += kNxdomain;
  }

  std::set<Prefix> named_;
  std::size_t size_ = 0;
  std::string text_;
};

IpSet mapped_ipv4() { return IpSet::of(Prefix::containing(Ip::v6(static_cast<u128>(0xffff) << 32), 96)); }

Artifact answers_zone(const Policy& policy, bool bind) {
  const IpSet unsayable = bind ? mapped_ipv4() : IpSet();
  AnswerTriggers triggers;
  for (const Catalogue& catalogue : policy.catalogues) {
    if (!catalogue.denied || catalogue.addresses().empty()) continue;
    triggers.title("catalogue " + comment_text(catalogue.name) + ": " + comment_text(catalogue.title));
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (entry.match != CatalogueEntry::Match::Address) continue;
      const std::optional<Prefix> prefix = Prefix::parse(entry.value);
      if (!prefix) continue;  // canonical by contract of CatalogueEntry
      const std::string label = comment_text(entry.label);
      for (const Prefix& part : (IpSet::of(*prefix) - unsayable).prefixes()) triggers.add(part, label);
    }
  }
  IpSet passed = policy.inside;
  for (const Exception& exception : policy.exceptions) passed |= IpSet::of(exception.to);
  triggers.title("everything but the inside and the exceptions");
  // Range by range: the prefixes around a big boundary are hundreds of thousands.
  for (const IpRange& range : (~passed - unsayable).ranges())
    triggers.add_rest(IpSet::range(range.first, range.last).prefixes());
  const std::size_t count = triggers.size();
  return {
      bind ? "rpz/answers-bind.zone" : "rpz/answers.zone", TargetId::Rpz, Layer::Dns,
      policy_zone(policy,
                  bind ? "addresses that no answer may carry, for BIND: ::ffff:0:0/96 left out, since it is IPv4 there"
                       : "addresses that no answer may carry; not for BIND, which reads ::ffff:0:0/96 as IPv4",
                  kAnswersZone, count, triggers.take_text())};
}

// ---- the root

Artifact sealed_root(const Policy& policy) {
  std::string records =
      "\n; The name server has no address, here or anywhere: whoever follows a delegation gets nowhere.\n"
      "airtight.invalid. NS ns.airtight.invalid.\n";
  std::map<Domain, const Zone*> zones;
  for (const Zone& zone : policy.zones) zones.try_emplace(zone.name, &zone);
  if (!zones.empty()) {
    records += "\n; Inside zones: without a delegation a server takes the root's word for it that they do not exist.\n";
  }
  const Domain* last = nullptr;
  for (const auto& [name, zone] : zones) {
    if (last != nullptr && name.is_within(*last)) continue;
    last = &name;
    if (name.text() == "airtight.invalid") continue;
    records += name.text() + ". NS ";
    records += kNameServer;
    records += "  ; zone, " + place(zone->origin) + '\n';
  }
  std::string header = artifact_header(policy, TargetId::Rpz, "; ", "the sealed root: outside names have no upstream");
  return {"rpz/sealed-root.zone", TargetId::Rpz, Layer::Dns,
          zone_file(policy, std::move(header), ".", std::move(records))};
}

// ---- the target

// Where a name that cannot be a trigger comes from; the line of the target where the spec does not say.
Span span_of(const Policy& policy, const Domain& name, Span otherwise) {
  for (const Zone& zone : policy.zones) {
    if (zone.name == name) return zone.origin.span;
  }
  for (const DeniedName& denied : policy.denied_names) {
    if (denied.name == name) return denied.origin.span;
  }
  for (const Endpoint& endpoint : policy.endpoints) {
    if (std::find(endpoint.names.begin(), endpoint.names.end(), name) != endpoint.names.end()) {
      return endpoint.origin.span;
    }
  }
  return otherwise;
}

void check(const Policy& policy, Diagnostics& diagnostics) {
  Span target;
  for (const RequestedTarget& requested : policy.targets) {
    if (requested.id == TargetId::Rpz) target = requested.origin.span;
  }
  const auto refuse = [&](const Domain& name, std::string why) {
    diagnostics.error(Code::CannotExpress, span_of(policy, name, target),
                      "target rpz cannot name " + airtight::quoted(to_string(name)) + ": " + std::move(why));
  };
  const auto check_name = [&](const Domain& name) {
    const std::size_t wire = name.text().size() + 2;
    if (wire + kTriggerOverhead > kLongestName) {
      refuse(name, "a trigger with its zone would have " + std::to_string(wire + kTriggerOverhead) +
                       " octets; 255 are allowed");
    }
    const std::size_t dot = name.text().rfind('.');
    const std::string_view last = std::string_view(name.text()).substr(dot == std::string::npos ? 0 : dot + 1);
    if (std::find(kTriggerLabels.begin(), kTriggerLabels.end(), last) != kTriggerLabels.end()) {
      refuse(name, "the label " + std::string(last) + " makes it a trigger of another kind");
    }
  };
  for (const DomainSet::Node& node : policy.inside_names.nodes()) check_name(node.name);
  for (const Domain& name : named_things(policy).denied_names) check_name(name);
}

std::vector<Artifact> emit(const Policy& policy) {
  const NamedThings things = named_things(policy);
  std::vector<Artifact> artifacts;
  const std::vector<NameEntry> entries = close_upwards(policy.inside_names, things.denied_names);
  artifacts.push_back(names_zone(policy, things, entries, false));  // the biggest first, while little else is held
  artifacts.push_back(names_zone(policy, things, entries, true));
  artifacts.push_back(answers_zone(policy, true));
  artifacts.push_back(answers_zone(policy, false));
  artifacts.push_back(sealed_root(policy));
  return artifacts;
}

}  // namespace

const Target kRpzTarget{TargetId::Rpz, Layer::Dns, "response policy zones for names and answers, and a sealed root",
                        std::nullopt,  check,      emit};

}  // namespace airtight
