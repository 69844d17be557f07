// Boxes: products of sets of values.
#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>

#include "compiler/verify/firewall/packet_space.h"

namespace airtight::verify {
namespace {

constexpr std::size_t kFields = static_cast<std::size_t>(Field::Count);
constexpr u128 bits(int count) { return count == 128 ? ~u128{0} : (u128{1} << count) - 1; }

// What a field is: its name, its largest value, and what packets have it at all.
enum class Guard : std::uint8_t { None, Vlan, Ip, Ip4, Ip6, Ports, Tcp, Udp, Icmp, Icmpv6 };
struct FieldInfo {
  std::string_view name;
  u128 largest;  // that a match can name
  Guard guard = Guard::None;
};

constexpr std::array<FieldInfo, kFields> kInfo{{
    {"EtherType", bits(16)},
    {"frame type as sent", bits(16)},
    {"destination MAC", bits(48)},
    {"source MAC", bits(48)},
    {"EtherType behind the VLAN tag", bits(16), Guard::Vlan},
    {"incoming interface", bits(128)},
    {"outgoing interface", bits(128)},
    {"IPv4 source", bits(32), Guard::Ip4},
    {"IPv4 destination", bits(32), Guard::Ip4},
    {"IPv6 source", bits(128), Guard::Ip6},
    {"IPv6 destination", bits(128), Guard::Ip6},
    {"IPv4 version and header length", bits(8), Guard::Ip4},
    {"IPv4 source route", 1, Guard::Ip4},
    {"IPv4 options", bits(32), Guard::Ip4},
    {"IPv4 fragment", bits(16), Guard::Ip4},
    {"IPv6 routing header", 1, Guard::Ip6},
    {"hop limit", bits(8), Guard::Ip},
    {"IP length", bits(16), Guard::Ip},
    {"protocol", bits(8), Guard::Ip},
    {"IPv6 next header", bits(8), Guard::Ip6},
    {"IPv6 second next header", bits(8), Guard::Ip6},
    {"IPv6 extension header length", bits(8), Guard::Ip6},
    {"source port", bits(16), Guard::Ports},
    {"destination port", bits(16), Guard::Ports},
    {"ICMP type and code", bits(16), Guard::Icmp},
    {"ICMPv6 type and code", bits(16), Guard::Icmpv6},
    {"TCP flags", bits(8), Guard::Tcp},
    {"UDP length", bits(16), Guard::Udp},
    {"state", static_cast<u128>(StateValue::Untracked)},
    {"destination translated", 1},
    {"source translated", 1},
    {"mark", bits(32)},
    {"length", bits(32)},
    {"packet type", bits(8)},
    {"local destination", 1},
}};

const FieldInfo& info(Field field) { return kInfo[static_cast<std::size_t>(field)]; }
bool may_be_absent(Field field) { return info(field).guard >= Guard::Ports; }

SharedValues share(Values values) { return std::make_shared<const Values>(std::move(values)); }

SharedValues one_of(std::initializer_list<unsigned> numbers) {
  std::vector<Interval<u128>> intervals;
  for (const unsigned number : numbers) intervals.push_back({number, number});
  return share(Values::from(std::move(intervals)));
}

// A field that makes the guard true, and its values.
struct GuardedBy {
  Field field = Field::Count;
  SharedValues values;
};
const GuardedBy& guarded_by(Guard guard) {
  static const std::array<GuardedBy, 10> kGuards{{
      {},
      {Field::EtherType, one_of({0x8100})},
      {Field::EtherType, one_of({0x0800, 0x86dd})},
      {Field::EtherType, one_of({0x0800})},
      {Field::EtherType, one_of({0x86dd})},
      {Field::Protocol, one_of({6, 17, 33, 132, 136})},
      {Field::Protocol, one_of({6})},
      {Field::Protocol, one_of({17})},
      {Field::Protocol, one_of({1})},
      {Field::Protocol, one_of({58})},
  }};
  return kGuards[static_cast<std::size_t>(guard)];
}

const SharedValues& named_values(Field field) {
  static const auto kNamed = [] {
    std::array<SharedValues, kFields> all;
    for (std::size_t i = 0; i < kFields; ++i) all[i] = share(Values::of(0, kInfo[i].largest));
    return all;
  }();
  return kNamed[static_cast<std::size_t>(field)];
}

bool same(const SharedValues& a, const SharedValues& b) { return a == b || *a == *b; }

// Enough to tell most sets apart without reading large ones.
std::size_t hash_of(const Values& values) {
  const auto intervals = values.intervals();
  std::size_t hash = intervals.size();
  const auto add = [&hash](u128 value) {
    const u128 folded = value ^ (value >> 64);
    hash = (hash ^ static_cast<std::size_t>(folded)) * 0x9e37'79b9'7f4a'7c15U;
    hash ^= hash >> 29;
  };
  for (std::size_t i = 0; i < std::min<std::size_t>(intervals.size(), 4); ++i) add(intervals[i].first);
  if (!intervals.empty()) add(intervals.back().last);
  return hash;
}

}  // namespace

std::string_view to_string(Field field) { return info(field).name; }

const Values& universe(Field field) {
  static const auto kUniverses = [] {
    std::array<Values, kFields> all;
    for (std::size_t i = 0; i < kFields; ++i) {
      all[i] = *named_values(static_cast<Field>(i));
      if (may_be_absent(static_cast<Field>(i))) all[i] |= Values::of(kAbsent);
    }
    return all;
  }();
  return kUniverses[static_cast<std::size_t>(field)];
}

Values interface_values(std::string_view pattern) {
  constexpr std::size_t kNameBytes = 16;
  const bool literal_star = pattern.ends_with("\\*");
  const bool wildcard = pattern.ends_with('*') && !literal_star;
  std::string name(pattern.substr(0, pattern.size() - (wildcard ? 1 : literal_star ? 2 : 0)));
  if (literal_star) name += '*';
  if (name.size() >= kNameBytes) return {};
  u128 first = 0;
  for (std::size_t i = 0; i < kNameBytes; ++i) {
    first = first << 8 | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
  }
  return Values::of(first, wildcard ? first | bits(static_cast<int>(8 * (kNameBytes - name.size()))) : first);
}

const SharedValues* Box::find(Field field) const {
  for (const Constraint& constraint : constraints_) {
    if (constraint.field == field) return &constraint.values;
  }
  return nullptr;
}

const Values& Box::values(Field field) const {
  const SharedValues* found = find(field);
  return found ? **found : universe(field);
}

void Box::set(Field field, SharedValues values) {
  const auto at = std::find_if(constraints_.begin(), constraints_.end(),
                               [field](const Constraint& constraint) { return constraint.field >= field; });
  if (at != constraints_.end() && at->field == field) {
    at->values = std::move(values);
  } else {
    constraints_.insert(at, {field, std::move(values)});
  }
}

void Box::release(Field field) {
  std::erase_if(constraints_, [field](const Constraint& constraint) { return constraint.field == field; });
}

bool Box::narrow(Field field, SharedValues wanted) {
  const SharedValues* mine = find(field);
  if (!mine) {
    if (universe(field).subset_of(*wanted)) return true;
    if (!wanted->subset_of(universe(field))) wanted = share(*wanted & universe(field));
    if (wanted->empty()) return false;
    set(field, std::move(wanted));
    return true;
  }
  if (*mine == wanted || (*mine)->subset_of(*wanted)) return true;
  Values both = **mine & *wanted;
  if (both.empty()) return false;
  set(field, share(std::move(both)));
  return true;
}

bool Box::constrain(Field field, SharedValues wanted) {
  const GuardedBy& guard = guarded_by(info(field).guard);
  if (guard.field != Field::Count && !constrain(guard.field, guard.values)) return false;
  return narrow(field, std::move(wanted)) && (!may_be_absent(field) || narrow(field, named_values(field)));
}

bool Box::constrain(Field field, const Values& wanted) { return constrain(field, share(wanted)); }

bool Box::subset_of(const Box& other) const {
  return std::all_of(other.constraints_.begin(), other.constraints_.end(), [this](const Constraint& theirs) {
    const SharedValues* mine = find(theirs.field);
    return mine && (*mine == theirs.values || (*mine)->subset_of(*theirs.values));
  });
}

bool Box::intersects(const Box& other) const {
  return std::all_of(other.constraints_.begin(), other.constraints_.end(), [this](const Constraint& theirs) {
    const SharedValues* mine = find(theirs.field);
    return !mine || *mine == theirs.values || (*mine)->intersects(*theirs.values);
  });
}

bool operator==(const Box& a, const Box& b) {
  return std::equal(a.constraints_.begin(), a.constraints_.end(), b.constraints_.begin(), b.constraints_.end(),
                    [](const Box::Constraint& x, const Box::Constraint& y) {
                      return x.field == y.field && same(x.values, y.values);
                    });
}

std::optional<Box> operator&(const Box& a, const Box& b) {
  if (!a.intersects(b)) return std::nullopt;
  std::vector<Box> both;
  std::vector<Box> rest;
  Box(a).split(b, &both, rest);
  return std::move(both.front());
}

void Box::split(const Box& other, std::vector<Box>* hit, std::vector<Box>& rest) && {
  if (!intersects(other)) {
    rest.push_back(std::move(*this));
    return;
  }
  for (const Constraint& theirs : other.constraints_) {
    const SharedValues* mine = find(theirs.field);
    if (mine && *mine == theirs.values) continue;
    Values outside = values(theirs.field) - *theirs.values;
    if (outside.empty()) continue;
    rest.push_back(*this);
    rest.back().set(theirs.field, share(std::move(outside)));
    set(theirs.field, mine && !theirs.values->subset_of(**mine) ? share(**mine & *theirs.values) : theirs.values);
  }
  if (hit) hit->push_back(std::move(*this));
}

std::size_t Box::hash_without(Field field) const {
  std::size_t hash = 0;
  for (const Constraint& constraint : constraints_) {
    if (constraint.field == field) continue;
    hash = hash * 31 + hash_of(*constraint.values) + static_cast<std::size_t>(constraint.field);
  }
  return hash;
}

bool Box::equal_without(Field field, const Box& other) const {
  if (constraints_.size() != other.constraints_.size()) return false;
  for (std::size_t i = 0; i < constraints_.size(); ++i) {
    if (constraints_[i].field != other.constraints_[i].field) return false;
    if (constraints_[i].field != field && !same(constraints_[i].values, other.constraints_[i].values)) return false;
  }
  return true;
}

Box Box::around(std::span<const Box> boxes) {
  Box result;
  for (const Constraint& constraint : boxes.front().constraints_) {
    std::vector<Interval<u128>> all;
    const bool constrained = std::all_of(boxes.begin(), boxes.end(), [&](const Box& box) {
      const auto intervals = box.values(constraint.field).intervals();
      all.insert(all.end(), intervals.begin(), intervals.end());
      return !box.is_free(constraint.field);
    });
    if (constrained && !result.narrow(constraint.field, share(Values::from(std::move(all))))) return Box();
  }
  return result;
}

void Box::merge(std::vector<Box>& boxes) {
  for (std::size_t i = 0; i < kFields; ++i) {
    const Field field = static_cast<Field>(i);
    if (std::all_of(boxes.begin(), boxes.end(), [field](const Box& box) { return box.is_free(field); })) continue;
    std::unordered_multimap<std::size_t, std::size_t> kept_by_hash;
    std::vector<Box> kept;
    std::vector<std::vector<Interval<u128>>> more;  // of the box at the same place, from boxes that joined it
    for (Box& box : boxes) {
      const SharedValues* values = box.find(field);
      std::size_t home = kept.size();
      if (values) {
        const std::size_t hash = box.hash_without(field);
        for (auto [at, end] = kept_by_hash.equal_range(hash); at != end && home == kept.size(); ++at) {
          if (kept[at->second].equal_without(field, box)) home = at->second;
        }
        if (home == kept.size()) kept_by_hash.emplace(hash, home);
      }
      if (home == kept.size()) {
        kept.push_back(std::move(box));
        more.emplace_back();
      } else {
        const auto intervals = (*values)->intervals();
        more[home].insert(more[home].end(), intervals.begin(), intervals.end());
      }
    }
    for (std::size_t k = 0; k < kept.size(); ++k) {
      if (more[k].empty()) continue;
      Values all = kept[k].values(field) | Values::from(std::move(more[k]));
      if (all == universe(field)) {
        kept[k].release(field);
      } else {
        kept[k].set(field, share(std::move(all)));
      }
    }
    boxes = std::move(kept);
  }
}

}  // namespace airtight::verify
