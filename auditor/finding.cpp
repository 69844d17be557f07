#include "auditor/finding.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <tuple>

namespace airtight::audit {

namespace {

constexpr std::size_t kFingerprints = 16;
constexpr std::int64_t kJoinWindow = 2'000'000'000;  // nanoseconds between a pod side and an uplink, for a join by time

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 32;
}
std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  for (const char character : text) hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3u;
  return mix(hash, text.size());
}
std::uint64_t mix(std::uint64_t hash, Ip ip) {
  hash = mix(hash, static_cast<std::uint64_t>(ip.bits()));
  return mix(hash, static_cast<std::uint64_t>(ip.bits() >> 64) + (ip.is_v4() ? 1 : 0));
}

std::string protocol_text(const Mark& mark) {
  struct Named {
    int number;
    const char* name;
  };
  static constexpr Named kNames[] = {{1, "icmp"},    {2, "igmp"},  {4, "ipip"},     {6, "tcp"},   {17, "udp"},
                                     {33, "dccp"},   {41, "ipv6"}, {47, "gre"},     {50, "esp"},  {51, "ah"},
                                     {58, "icmpv6"}, {89, "ospf"}, {97, "etherip"}, {103, "pim"}, {112, "vrrp"},
                                     {115, "l2tp"},  {132, "sctp"}};
  if (mark.ether_type >= 0) {
    char text[24];
    std::snprintf(text, sizeof text, "ethertype 0x%04x", static_cast<unsigned>(mark.ether_type));
    return text;
  }
  if (mark.protocol < 0) return {};
  for (const Named& named : kNames)
    if (named.number == mark.protocol) return named.name;
  return std::to_string(mark.protocol);
}

bool same(const Finding& finding, const Mark& mark, const Point& point, std::string_view name,
          std::string_view protocol) {
  return finding.rule == mark.rule && finding.cls == mark.cls && finding.effect == mark.effect &&
         finding.role == point.role && finding.has_addresses == mark.has_addresses &&
         (!mark.has_addresses || (finding.source == mark.source && finding.destination == mark.destination)) &&
         finding.port == mark.port && finding.name == name && finding.detail == mark.detail &&
         finding.interface == point.name && finding.protocol == protocol;
}

void extend(Finding& finding, std::int64_t first, std::int64_t last) {
  if (first != kNoTime && (finding.first_seen == kNoTime || first < finding.first_seen)) finding.first_seen = first;
  if (last != kNoTime && (finding.last_seen == kNoTime || last > finding.last_seen)) finding.last_seen = last;
}

bool near(const Finding& pod, const Finding& uplink) {
  if (pod.first_seen == kNoTime || uplink.first_seen == kNoTime) return false;
  return pod.first_seen <= uplink.last_seen + kJoinWindow && uplink.first_seen <= pod.last_seen + kJoinWindow;
}

}  // namespace

FindingLedger::FindingLedger() : cells_(1024) {}

FindingLedger::Entry* FindingLedger::find(std::uint64_t hash, const Mark& mark, const Point& point) {
  for (std::size_t at = hash & (cells_.size() - 1); cells_[at] != 0; at = (at + 1) & (cells_.size() - 1)) {
    Entry& entry = entries_[cells_[at] - 1];
    if (entry.hash != hash) continue;
    if (same(entry.finding, mark, point, name_, protocol_text(mark))) return &entry;
  }
  return nullptr;
}

void FindingLedger::place(std::uint32_t index) {
  if ((entries_.size() + 1) * 2 > cells_.size()) {
    cells_.assign(cells_.size() * 4, 0);
    for (std::uint32_t i = 0; i < entries_.size(); ++i)
      if (i != index) place(i);
  }
  std::size_t at = entries_[index].hash & (cells_.size() - 1);
  while (cells_[at] != 0) at = (at + 1) & (cells_.size() - 1);
  cells_[at] = index + 1;
}

void FindingLedger::mark(const Frame& frame, const Point& point, const Mark& mark) {
  name_.assign(mark.name);
  for (char& character : name_)
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character + ('a' - 'A'));
  std::uint64_t hash = mix(static_cast<std::uint64_t>(mark.rule),
                           static_cast<std::uint64_t>(point.role) << 8 | static_cast<std::uint64_t>(mark.effect));
  hash = mix(hash, static_cast<std::uint64_t>(mark.cls));
  if (mark.has_addresses) hash = mix(mix(hash, mark.source), mark.destination);
  hash = mix(hash, static_cast<std::uint64_t>(static_cast<std::uint32_t>(mark.port)) << 32 |
                       static_cast<std::uint32_t>(mark.protocol));
  hash = mix(hash, static_cast<std::uint32_t>(mark.ether_type));
  hash = mix(mix(mix(hash, name_), mark.detail), point.name);

  Entry* entry = find(hash, mark, point);
  if (entry == nullptr) {
    if (entries_.size() >= kMaxFindings) {
      ++left_out_[static_cast<std::size_t>(mark.effect)];
      return;
    }
    entries_.emplace_back();
    entry = &entries_.back();
    entry->hash = hash;
    Finding& made = entry->finding;
    made.rule = mark.rule;
    made.cls = mark.cls;
    made.effect = mark.effect;
    made.role = point.role;
    made.has_addresses = mark.has_addresses;
    made.source = mark.source;
    made.destination = mark.destination;
    made.protocol = protocol_text(mark);
    made.port = mark.port;
    made.name = name_;
    if (mark.label) made.catalogue = std::string(mark.label.title) + ": " + std::string(mark.label.entry);
    made.interface = point.name;
    made.detail = mark.detail;
    place(static_cast<std::uint32_t>(entries_.size() - 1));
  }
  Finding& finding = entry->finding;
  finding.guessed_direction |= mark.guessed_direction;
  extend(finding, frame.time, frame.time);
  ++finding.packets;
  finding.bytes += frame.original;
  if (frame.number != 0 && finding.examples.size() < kExamples)
    finding.examples.push_back({frame.time, point.file, frame.number});
  if (mark.fingerprint != 0 && entry->fingerprints.size() < kFingerprints)
    entry->fingerprints.push_back(mark.fingerprint);
}

void FindingLedger::merge(FindingLedger&& other) {
  for (std::size_t i = 0; i < left_out_.size(); ++i) left_out_[i] += other.left_out_[i];
  for (Entry& theirs : other.entries_) {
    Entry* ours = nullptr;
    for (std::size_t at = theirs.hash & (cells_.size() - 1); cells_[at] != 0 && ours == nullptr;
         at = (at + 1) & (cells_.size() - 1)) {
      Entry& entry = entries_[cells_[at] - 1];
      const Finding& a = entry.finding;
      const Finding& b = theirs.finding;
      if (entry.hash == theirs.hash && a.rule == b.rule && a.cls == b.cls && a.effect == b.effect && a.role == b.role &&
          a.source == b.source && a.destination == b.destination && a.protocol == b.protocol && a.port == b.port &&
          a.name == b.name && a.detail == b.detail && a.interface == b.interface) {
        ours = &entry;
      }
    }
    if (ours == nullptr) {
      entries_.push_back(std::move(theirs));
      place(static_cast<std::uint32_t>(entries_.size() - 1));
      continue;
    }
    Finding& into = ours->finding;
    into.guessed_direction |= theirs.finding.guessed_direction;
    extend(into, theirs.finding.first_seen, theirs.finding.last_seen);
    into.packets += theirs.finding.packets;
    into.bytes += theirs.finding.bytes;
    into.examples.insert(into.examples.end(), theirs.finding.examples.begin(), theirs.finding.examples.end());
    std::sort(into.examples.begin(), into.examples.end());
    if (into.examples.size() > kExamples) into.examples.resize(kExamples);
    ours->fingerprints.insert(ours->fingerprints.end(), theirs.fingerprints.begin(), theirs.fingerprints.end());
  }
  other.entries_.clear();
}

// What a pod side saw, and an uplink saw again after translation, goes into the finding there. Which ones did is
// returned.
std::vector<bool> FindingLedger::join_sights() {
  using Goal = std::tuple<Ip, std::string, std::int32_t>;
  const auto goal = [](const Finding& finding) { return Goal(finding.destination, finding.protocol, finding.port); };
  std::map<Goal, std::vector<std::size_t>> left;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Finding& finding = entries_[i].finding;
    if (finding.role == Role::Uplink && (finding.cls == Class::Escape || finding.cls == Class::Excepted))
      left[goal(finding)].push_back(i);
  }
  std::vector<bool> joined(entries_.size());
  for (std::size_t p = 0; p < entries_.size(); ++p) {
    const Finding& pod = entries_[p].finding;
    const bool attempt = pod.rule == Rule::AttemptUnresolved;
    const bool excepted = pod.rule == Rule::ExceptionBy && pod.role == Role::PodSide;
    const auto candidates = attempt || excepted ? left.find(goal(pod)) : left.end();
    if (candidates == left.end()) continue;
    const auto same_content = [&](std::size_t u) {
      const std::vector<std::uint64_t>& seen = entries_[u].fingerprints;
      return std::any_of(
          entries_[p].fingerprints.begin(), entries_[p].fingerprints.end(),
          [&](std::uint64_t fingerprint) { return std::find(seen.begin(), seen.end(), fingerprint) != seen.end(); });
    };
    const std::vector<std::size_t>& all = candidates->second;
    auto best = std::find_if(all.begin(), all.end(), same_content);
    const bool guessed = best == all.end();
    if (guessed && attempt)
      best = std::find_if(all.begin(), all.end(), [&](std::size_t u) { return near(pod, entries_[u].finding); });
    if (best == all.end()) continue;
    Finding& uplink = entries_[*best].finding;
    if (excepted && uplink.rule == Rule::ExceptionUntold &&
        pod.packets >= uplink.packets) {  // the pod side tells who sent them all
      uplink.rule = Rule::ExceptionBy;
      uplink.effect = Effect::None;
      uplink.detail = pod.detail;
    }
    uplink.pod_side.push_back({pod.source, pod.interface, pod.packets, guessed});
    joined[p] = true;
  }
  return joined;
}

// Violated first, then inconclusive, then listed; within, by rule, then by time.
void FindingLedger::sort() {
  const auto rank = [](Effect effect) {
    return effect == Effect::Violated ? 0 : effect == Effect::Inconclusive ? 1 : 2;
  };
  std::sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) {
    const Finding& x = a.finding;
    const Finding& y = b.finding;
    return std::tuple(rank(x.effect), x.rule, x.first_seen, x.source, x.destination) <
               std::tuple(rank(y.effect), y.rule, y.first_seen, y.source, y.destination) ||
           (std::tuple(rank(x.effect), x.rule, x.first_seen, x.source, x.destination) ==
                std::tuple(rank(y.effect), y.rule, y.first_seen, y.source, y.destination) &&
            std::tie(x.protocol, x.port, x.name, x.detail, x.interface, a.hash) <
                std::tie(y.protocol, y.port, y.name, y.detail, y.interface, b.hash));
  });
}

std::vector<Finding> FindingLedger::take() {
  sort();
  const std::vector<bool> joined = join_sights();
  std::vector<Entry> kept;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (!joined[i]) kept.push_back(std::move(entries_[i]));
  entries_ = std::move(kept);
  sort();  // a join may have changed an effect
  std::vector<Finding> findings;
  for (Entry& entry : entries_) {
    if (findings.size() < kMaxFindings) {
      findings.push_back(std::move(entry.finding));
    } else {
      ++left_out_[static_cast<std::size_t>(entry.finding.effect)];
    }
  }
  entries_.clear();
  cells_.assign(1024, 0);
  return findings;
}

}  // namespace airtight::audit
