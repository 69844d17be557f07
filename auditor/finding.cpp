#include "auditor/finding.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace airtight::audit {

namespace {

constexpr std::size_t kFingerprints = 64;
constexpr std::size_t kCells = 1024;                 // at first
constexpr std::size_t kSlack = kMaxFindings / 8;     // beyond the bound before it is trimmed to
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

bool same(const Finding& a, const Finding& b) {
  return a.rule == b.rule && a.cls == b.cls && a.effect == b.effect && a.role == b.role &&
         a.has_addresses == b.has_addresses && a.source == b.source && a.destination == b.destination &&
         a.protocol == b.protocol && a.port == b.port && a.name == b.name && a.detail == b.detail &&
         a.interface == b.interface;
}

// kJoinWindow later or earlier, as far as times go.
std::int64_t window_after(std::int64_t time) { return time > INT64_MAX - kJoinWindow ? INT64_MAX : time + kJoinWindow; }
std::int64_t window_before(std::int64_t time) {
  return time < INT64_MIN + kJoinWindow ? INT64_MIN : time - kJoinWindow;
}

}  // namespace

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

FindingLedger::FindingLedger() : cells_(kCells) {}

template <class Same>
FindingLedger::Entry* FindingLedger::find(std::uint64_t hash, const Same& same_as) {
  for (std::size_t at = hash & (cells_.size() - 1); cells_[at] != 0; at = (at + 1) & (cells_.size() - 1)) {
    Entry& entry = entries_[cells_[at] - 1];
    if (entry.first.hash == hash && same_as(entry.finding)) return &entry;
  }
  return nullptr;
}

void FindingLedger::place(std::uint32_t index) {
  std::size_t at = entries_[index].first.hash & (cells_.size() - 1);
  while (cells_[at] != 0) at = (at + 1) & (cells_.size() - 1);
  cells_[at] = index + 1;
}

void FindingLedger::index_all(std::size_t cells) {
  cells_.assign(cells, 0);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) place(i);
}

// A new entry, or nullptr if as many of its effect are kept that come before it.
FindingLedger::Entry* FindingLedger::make(const Order& order, Effect effect) {
  Kept& kept = kept_[static_cast<std::size_t>(effect)];
  if (kept.count >= kMaxFindings) {
    if (order > kept.last) return nullptr;
    if (kept.count >= kMaxFindings + kSlack) trim(effect);
    if (order > kept.last) return nullptr;
  }
  kept.last = kept.count == 0 ? order : std::max(kept.last, order);
  ++kept.count;
  Entry& made = entries_.emplace_back();
  made.first = order;
  made.finding.effect = effect;
  if ((entries_.size() + 1) * 2 > cells_.size()) {
    index_all(cells_.size() * 4);
  } else {
    place(static_cast<std::uint32_t>(entries_.size() - 1));
  }
  return &made;
}

// Only those of an effect stay that came first, kMaxFindings of them.
void FindingLedger::trim(Effect effect) {
  Kept& kept = kept_[static_cast<std::size_t>(effect)];
  if (kept.count <= kMaxFindings) return;
  std::vector<Order> orders;
  for (const Entry& entry : entries_)
    if (entry.finding.effect == effect) orders.push_back(entry.first);
  std::nth_element(orders.begin(), orders.begin() + (kMaxFindings - 1), orders.end());
  kept = {kMaxFindings, orders[kMaxFindings - 1]};
  const auto goes = [&](const Entry& entry) {
    if (entry.finding.effect != effect || entry.first <= kept.last) return false;
    left_out_[static_cast<std::size_t>(effect)] += entry.finding.packets;
    return true;
  };
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(), goes), entries_.end());
  index_all(cells_.size());
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

  const Order order{place_, {frame.time, point.file, frame.number}, hash};
  Entry* entry =
      find(hash, [&](const Finding& finding) { return same(finding, mark, point, name_, protocol_text(mark)); });
  if (entry == nullptr) {
    entry = make(order, mark.effect);
    if (entry == nullptr) {
      ++left_out_[static_cast<std::size_t>(mark.effect)];
      return;
    }
    Finding& made = entry->finding;
    made.rule = mark.rule;
    made.cls = mark.cls;
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
  }
  entry->first = std::min(entry->first, order);
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
    Entry* ours = find(theirs.first.hash, [&](const Finding& finding) { return same(finding, theirs.finding); });
    if (ours == nullptr) {
      // The bound may be passed here: what one ledger lacks of a finding another may have, so take() trims.
      Kept& kept = kept_[static_cast<std::size_t>(theirs.finding.effect)];
      kept.last = kept.count == 0 ? theirs.first : std::max(kept.last, theirs.first);
      ++kept.count;
      entries_.push_back(std::move(theirs));
      if ((entries_.size() + 1) * 2 > cells_.size()) {
        index_all(cells_.size() * 4);
      } else {
        place(static_cast<std::uint32_t>(entries_.size() - 1));
      }
      continue;
    }
    ours->first = std::min(ours->first, theirs.first);
    Finding& into = ours->finding;
    into.guessed_direction |= theirs.finding.guessed_direction;
    extend(into, theirs.finding.first_seen, theirs.finding.last_seen);
    into.packets += theirs.finding.packets;
    into.bytes += theirs.finding.bytes;
    into.examples.insert(into.examples.end(), theirs.finding.examples.begin(), theirs.finding.examples.end());
    std::sort(into.examples.begin(), into.examples.end());
    if (into.examples.size() > kExamples) into.examples.resize(kExamples);
    const std::size_t room = kFingerprints - std::min(ours->fingerprints.size(), kFingerprints);
    const auto more = static_cast<std::ptrdiff_t>(std::min(room, theirs.fingerprints.size()));
    ours->fingerprints.insert(ours->fingerprints.end(), theirs.fingerprints.begin(),
                              theirs.fingerprints.begin() + more);
  }
  other = FindingLedger();
}

// What a pod side saw, and an uplink saw again after translation, goes into the finding there. The same content is the
// same packet; time and goal alone are a guess, which may add to a violation and nothing else.
class FindingLedger::Join {
 public:
  explicit Join(std::vector<Entry>& entries) : entries_(entries), joined_(entries.size()) {}
  // Which entries went into others.
  std::vector<bool> run() {
    for (std::size_t i = 0; i < entries_.size(); ++i) uplink(i);
    for (auto& [name, goal] : goals_) goal.sort(entries_);
    for (std::size_t i = 0; i < entries_.size(); ++i) pod_side(i);
    for (auto& [name, goal] : goals_) goal.tell(entries_);
    return std::move(joined_);
  }

 private:
  using Fingerprint = std::uint64_t;
  using Counts = std::map<Fingerprint, std::size_t>;
  struct Goal {
    std::unordered_map<Fingerprint, std::size_t> contents;  // the first finding at an uplink that has it
    std::vector<std::size_t> escapes;                       // violated, in order of time
    std::vector<std::int64_t> latest;                       // last_seen of those up to each, at most
    std::vector<std::size_t> untold;
    std::map<Ip, std::map<std::string, Counts>> excepted;  // what pods sent by an exception: by source and interface
    std::optional<std::string> exception;
    bool several = false;  // exceptions

    void sort(const std::vector<Entry>& entries);
    std::optional<std::size_t> near(const Finding& pod) const;
    void tell(std::vector<Entry>& entries) const;
  };
  // A packet that passed several interfaces is one.
  static Counts most(const std::map<std::string, Counts>& by_interface) {
    Counts counts;
    for (const auto& [interface, seen] : by_interface)
      for (const auto& [fingerprint, times] : seen) counts[fingerprint] = std::max(counts[fingerprint], times);
    return counts;
  }

  void uplink(std::size_t index);
  void pod_side(std::size_t index);
  Goal* goal_of(const Finding& finding, bool make) {
    const auto name = std::tuple(finding.destination, finding.protocol, finding.port);
    if (make) return &goals_[name];
    const auto found = goals_.find(name);
    return found == goals_.end() ? nullptr : &found->second;
  }

  std::vector<Entry>& entries_;
  std::map<std::tuple<Ip, std::string, std::int32_t>, Goal> goals_;
  std::vector<bool> joined_;
};

void FindingLedger::Join::uplink(std::size_t index) {
  const Entry& entry = entries_[index];
  const Finding& finding = entry.finding;
  const bool escape = finding.cls == Class::Escape && finding.effect == Effect::Violated;
  if (finding.role != Role::Uplink || (!escape && finding.cls != Class::Excepted)) return;
  Goal& goal = *goal_of(finding, true);
  for (const Fingerprint fingerprint : entry.fingerprints) goal.contents.emplace(fingerprint, index);
  if (escape && finding.first_seen != kNoTime) goal.escapes.push_back(index);
  if (finding.rule == Rule::ExceptionUntold) goal.untold.push_back(index);
}

void FindingLedger::Join::Goal::sort(const std::vector<Entry>& entries) {
  std::stable_sort(escapes.begin(), escapes.end(), [&](std::size_t a, std::size_t b) {
    return entries[a].finding.first_seen < entries[b].finding.first_seen;
  });
  for (const std::size_t escape : escapes) {
    const std::int64_t last = entries[escape].finding.last_seen;
    latest.push_back(latest.empty() ? last : std::max(latest.back(), last));
  }
}

// The earliest escape of about the same time.
std::optional<std::size_t> FindingLedger::Join::Goal::near(const Finding& pod) const {
  if (pod.first_seen == kNoTime) return std::nullopt;
  const auto reaches = std::lower_bound(latest.begin(), latest.end(), window_before(pod.first_seen));
  if (reaches == latest.end()) return std::nullopt;
  return static_cast<std::size_t>(reaches - latest.begin());
}

void FindingLedger::Join::pod_side(std::size_t index) {
  const Entry& entry = entries_[index];
  const Finding& pod = entry.finding;
  const bool attempt = pod.rule == Rule::AttemptUnresolved;
  const bool excepted = pod.rule == Rule::ExceptionBy && pod.role == Role::PodSide;
  Goal* goal = attempt || excepted ? goal_of(pod, false) : nullptr;
  if (goal == nullptr) return;

  std::optional<std::size_t> best;
  for (const Fingerprint fingerprint : entry.fingerprints) {
    const auto found = goal->contents.find(fingerprint);
    if (found == goal->contents.end()) continue;
    best = std::min(best.value_or(found->second), found->second);
    Finding& uplink = entries_[found->second].finding;
    if (!attempt || uplink.cls != Class::Excepted) continue;
    // The exception that let it out there is not its sender's.
    uplink.detail += uplink.rule == Rule::ExceptionBy ? " is another's: seen at the pod side"
                                                      : "; it is another's: seen at the pod side";
    uplink.rule = Rule::ExceptionMisused;
    uplink.cls = Class::Escape;
    uplink.effect = Effect::Violated;
  }
  if (excepted && !goal->untold.empty()) {
    Counts& seen = goal->excepted[pod.source][pod.interface];
    for (const Fingerprint fingerprint : entry.fingerprints) ++seen[fingerprint];
    goal->several |= goal->exception && *goal->exception != pod.detail;
    goal->exception = pod.detail;
  }
  const bool guessed = !best;
  if (guessed && attempt) {
    if (const auto near = goal->near(pod); near) {
      const std::size_t escape = goal->escapes[*near];
      if (entries_[escape].finding.first_seen <= window_after(pod.last_seen)) best = escape;
    }
  }
  if (!best) return;
  entries_[*best].finding.pod_side.push_back({pod.source, pod.interface, pod.packets, guessed});
  joined_[index] = true;
}

// Pods sent what left by an exception of pods if every packet of it is one that a pod was seen to send, each of those
// taken once. Where only some are, somebody else may stand behind the others.
void FindingLedger::Join::Goal::tell(std::vector<Entry>& entries) const {
  if (!exception || several) return;
  Counts left;
  for (const auto& [source, by_interface] : excepted)
    for (const auto& [fingerprint, times] : most(by_interface)) left[fingerprint] += times;
  std::map<Ip, std::vector<std::size_t>> by_source;
  for (const std::size_t index : untold) {
    const Entry& entry = entries[index];
    const bool whole = entry.fingerprints.size() == entry.finding.packets;
    if (entry.finding.rule == Rule::ExceptionUntold && whole) by_source[entry.finding.source].push_back(index);
  }
  for (const auto& [source, indices] : by_source) {
    std::map<std::string, Counts> by_interface;
    for (const std::size_t index : indices)
      for (const Fingerprint fingerprint : entries[index].fingerprints)
        ++by_interface[entries[index].finding.interface][fingerprint];
    const Counts wanted = most(by_interface);
    const bool all = std::all_of(wanted.begin(), wanted.end(), [&](const auto& row) {
      const auto found = left.find(row.first);
      return found != left.end() && found->second >= row.second;
    });
    if (!all) continue;
    for (const auto& [fingerprint, times] : wanted) left[fingerprint] -= times;
    for (const std::size_t index : indices) {
      Finding& uplink = entries[index].finding;
      uplink.rule = Rule::ExceptionBy;
      uplink.effect = Effect::None;
      uplink.detail = *exception;
    }
  }
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
            std::tie(x.protocol, x.port, x.name, x.detail, x.interface, a.first.hash) <
                std::tie(y.protocol, y.port, y.name, y.detail, y.interface, b.first.hash));
  });
}

std::vector<Finding> FindingLedger::take() {
  for (const Effect effect : {Effect::None, Effect::Inconclusive, Effect::Violated}) trim(effect);
  sort();
  const std::vector<bool> joined = Join(entries_).run();
  std::vector<Entry> kept;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (!joined[i]) kept.push_back(std::move(entries_[i]));
  entries_ = std::move(kept);
  sort();  // a join may have changed an effect
  std::vector<Finding> findings;
  findings.reserve(entries_.size());
  for (Entry& entry : entries_) findings.push_back(std::move(entry.finding));
  entries_.clear();
  cells_.assign(kCells, 0);
  kept_ = {};
  return findings;
}

}  // namespace airtight::audit
