#include "compiler/verify/firewall/nftables_match.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/verify/firewall/nftables_values.h"
#include "compiler/verify/firewall/payload_layout.h"

namespace airtight::verify {
namespace {

using Kind = NftStatement::Kind;
using Op = NftOperator;
using Expression = NftExpression;

constexpr std::size_t kMaxBoxesOfRule = 4096;

SharedValues share(Values values) { return std::make_shared<const Values>(std::move(values)); }

class RuleLowering {
 public:
  RuleLowering(const NftRule& rule, const NftTable& table, bool empty_sets, NftSetCache& cache)
      : source_(rule),
        family_(table.family),
        translates_(table.name == "nat" && (family_ == TableFamily::Ip || family_ == TableFamily::Ip6)),
        wanted_(table, empty_sets, cache) {
    result_.span = rule.span;
    Box box;
    if (family_ == TableFamily::Ip) (void)box.constrain(Field::EtherType, Values::of(0x0800));
    if (family_ == TableFamily::Ip6) (void)box.constrain(Field::EtherType, Values::of(0x86dd));
    if (family_ == TableFamily::Arp) (void)box.constrain(Field::EtherType, Values::of(0x0806));
    boxes_.push_back(std::move(box));
  }

  FirewallRule lower() {
    if (source_.misplaced) not_understood("its place in the chain");
    std::vector<const NftStatement*> by_offset;
    const NftStatement* verdict = nullptr;
    bool unknown = false;
    for (const NftStatement& statement : source_.statements) {
      switch (statement.kind) {
        case Kind::Match:
          if (statement.keys.size() == 1 && is_raw(statement.keys[0]))
            by_offset.push_back(&statement);
          else
            match(statement);
          break;
        case Kind::VerdictMap:
        case Kind::Verdict:
          if (!verdict || verdict->verdict.kind == FirewallVerdict::Kind::Continue) verdict = &statement;
          break;
        case Kind::Limited:
          result_.limited = true;
          break;
        case Kind::Rewrite:
          result_.rewrites = true;
          result_.rewrite_text += (result_.rewrite_text.empty() ? "" : "; ") + statement.text;
          break;
        case Kind::Change:
          result_.changes.push_back(statement.changed);
          break;
        case Kind::UnknownMatch:
          not_understood(statement.text);
          break;
        case Kind::Unknown:
          not_understood(statement.text);
          unknown = true;
          translates_ = translates_ && is_of_iptables(statement.text);
          break;
      }
    }
    // What a header holds at an offset depends on the headers before it.
    std::stable_sort(by_offset.begin(), by_offset.end(), [](const NftStatement* a, const NftStatement* b) {
      return std::pair(base_of(a->keys[0]), a->keys[0].offset) < std::pair(base_of(b->keys[0]), b->keys[0].offset);
    });
    for (const NftStatement* statement : by_offset) match(*statement);
    decide(verdict, unknown);
    return std::move(result_);
  }

 private:
  // "xt" in JSON, "# xt_" in a listing as text.
  static bool is_of_iptables(std::string_view text) { return text.starts_with("'xt") || text.starts_with("'# xt_"); }

  void not_understood(const std::string& why) {
    result_.understood = false;
    if (result_.why_not.find(why) == std::string::npos && result_.why_not.size() < 300)
      result_.why_not += (result_.why_not.empty() ? "" : "; ") + why;
  }

  void decide(const NftStatement* verdict, bool unknown) {
    if (verdict && verdict->kind == Kind::VerdictMap) return verdict_map(*verdict);
    FirewallBranch branch;
    branch.match = boxes_;
    if (verdict) branch.verdict = verdict->verdict;
    // An unknown statement without a verdict may be one.
    if (unknown && branch.verdict.kind == FirewallVerdict::Kind::Continue) {
      if (!translates_) return either(std::move(branch));
      branch.verdict = {FirewallVerdict::Kind::Translate, "", result_.why_not};
    }
    result_.branches.push_back(std::move(branch));
  }

  // An accept for who asks what may pass, a drop for who asks what must.
  void either(FirewallBranch branch) {
    branch.verdict.kind = FirewallVerdict::Kind::Accept;
    result_.branches = {branch, branch};
    result_.branches.back().verdict.kind = FirewallVerdict::Kind::Drop;
  }

  void verdict_map(const NftStatement& statement) {
    const NftSet* map = nullptr;
    if (statement.right.kind == Expression::Kind::SetName && !(map = wanted_.set(statement.right.text)))
      return unknown_map(statement, wanted_.why());
    const std::vector<Expression>& items = map ? map->elements : statement.right.items;
    const std::vector<FirewallVerdict>& verdicts = map ? map->verdicts : statement.verdicts;
    if ((!map && statement.right.kind != Expression::Kind::Set) || items.size() != verdicts.size())
      return unknown_map(statement, "its verdict map");
    std::vector<FirewallBranch> branches;
    FirewallBranch otherwise;  // "*" is looked at last
    bool has_otherwise = false;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Expression& item = items[i];
      FirewallBranch branch;
      branch.verdict = verdicts[i];
      if (item.kind == Expression::Kind::Word && item.text == "*" && !item.quoted) {
        otherwise.verdict = branch.verdict;
        has_otherwise = true;
        continue;
      }
      if (!element(statement.keys, item, branch.match)) return unknown_map(statement, "a key of its verdict map");
      branches.push_back(std::move(branch));
    }
    if (has_otherwise) {
      otherwise.match = boxes_;
      for (const NftKey& key : statement.keys) otherwise.match = with_headers(std::move(otherwise.match), key);
      branches.push_back(std::move(otherwise));
    }
    result_.branches = std::move(branches);
  }

  void unknown_map(const NftStatement& statement, const std::string& why) {
    not_understood(why);
    FirewallBranch branch;
    branch.match = boxes_;
    for (const NftKey& key : statement.keys) branch.match = with_headers(std::move(branch.match), key);
    either(std::move(branch));
  }

  void match(const NftStatement& statement) {
    if (statement.keys.size() > 1) return match_concatenation(statement);
    const NftKey& key = statement.keys[0];
    const KeyInfo* info = find_key(key.name);
    boxes_ = with_headers(std::move(boxes_), key);
    if (contradicts_) return;
    if (!info && !is_raw(key)) return not_understood(key.name);
    const SharedValues values = wanted_.values(key, info, statement);
    if (!values) return not_understood(wanted_.why());
    boxes_ = constrained(boxes_, key, info, values);
  }

  // One element of a set over `keys`, from boxes_ into `into`.
  bool element(const std::vector<NftKey>& keys, const Expression& item, std::vector<Box>& into) {
    std::vector<Box> boxes = boxes_;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys.size() > 1 && (item.kind != Expression::Kind::Concat || item.items.size() != keys.size())) return false;
      const Expression& value = keys.size() > 1 ? item.items[i] : item;
      const KeyInfo* info = find_key(keys[i].name);
      const auto values = info || is_raw(keys[i]) ? values_of(value, width_of(keys[i], info)) : std::nullopt;
      if (!values) return false;
      boxes = constrained(with_headers(std::move(boxes), keys[i]), keys[i], info, share(*values));
    }
    into.insert(into.end(), std::make_move_iterator(boxes.begin()), std::make_move_iterator(boxes.end()));
    return true;
  }

  void match_concatenation(const NftStatement& statement) {
    const std::vector<NftKey>& keys = statement.keys;
    for (const NftKey& key : keys) boxes_ = with_headers(std::move(boxes_), key);
    for (const NftKey& key : keys)
      if (!find_key(key.name) && !is_raw(key)) return not_understood(key.name);
    const std::vector<Expression>* elements = &statement.right.items;
    std::vector<Expression> alone;
    if (statement.right.kind == Expression::Kind::SetName) {
      const NftSet* named = wanted_.set(statement.right.text);
      if (!named) return not_understood(wanted_.why());
      elements = &named->elements;
    } else if (statement.right.kind == Expression::Kind::Concat) {
      alone.push_back(statement.right);
      elements = &alone;
    } else if (statement.right.kind != Expression::Kind::Set) {
      return not_understood("the value of a concatenation");
    }
    const bool negated = statement.op == Op::NotEqual;
    if (statement.mask || (!negated && statement.op != Op::Implicit && statement.op != Op::Equal))
      return not_understood("the operator of a concatenation");
    const auto rows = grouped(keys, *elements);
    if (!rows) return not_understood("an element of a concatenation");
    std::vector<Box> matched;
    for (const std::vector<SharedValues>& row : *rows) {
      std::vector<Box> boxes = boxes_;
      for (std::size_t i = 0; i < keys.size(); ++i) boxes = constrained(boxes, keys[i], find_key(keys[i].name), row[i]);
      matched.insert(matched.end(), std::make_move_iterator(boxes.begin()), std::make_move_iterator(boxes.end()));
    }
    if (!negated) {
      boxes_ = std::move(matched);
      return;
    }
    const PacketSet others = PacketSet::of(std::span<const Box>(boxes_)) - PacketSet::of(std::span<const Box>(matched));
    if (others.too_many() || others.boxes().size() > kMaxBoxesOfRule) return not_understood("so many elements");
    boxes_.assign(others.boxes().begin(), others.boxes().end());
  }

  // Elements that differ in their first component only are one row.
  std::optional<std::vector<std::vector<SharedValues>>> grouped(const std::vector<NftKey>& keys,
                                                                const std::vector<Expression>& elements) const {
    struct Row {
      std::vector<Interval<u128>> first;
      std::vector<Values> others;
    };
    std::vector<Row> rows;
    std::unordered_map<std::string, std::size_t> by_others;
    for (const Expression& element : elements) {
      if (element.kind != Expression::Kind::Concat || element.items.size() != keys.size()) return std::nullopt;
      Row row;
      std::string name;
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto values = values_of(element.items[i], width_of(keys[i], find_key(keys[i].name)));
        if (!values) return std::nullopt;
        if (i == 0) {
          row.first.assign(values->intervals().begin(), values->intervals().end());
        } else {
          for (const Interval<u128>& interval : values->intervals())
            name.append(reinterpret_cast<const char*>(&interval.first), sizeof interval.first)
                .append(reinterpret_cast<const char*>(&interval.last), sizeof interval.last);
          row.others.push_back(*values);
        }
      }
      const auto [at, added] = by_others.emplace(std::move(name), rows.size());
      if (added)
        rows.push_back(std::move(row));
      else
        rows[at->second].first.insert(rows[at->second].first.end(), row.first.begin(), row.first.end());
    }
    std::vector<std::vector<SharedValues>> result;
    for (Row& row : rows) {
      result.push_back({share(Values::from(std::move(row.first)))});
      for (Values& values : row.others) result.back().push_back(share(std::move(values)));
    }
    return result;
  }

  bool by_sender() const { return family_ == TableFamily::Netdev || family_ == TableFamily::Bridge; }

  // What nft puts before a match by itself, so that it looks at the header that it names.
  std::vector<Box> with_headers(std::vector<Box> boxes, const NftKey& key) {
    std::vector<Box> result;
    for (const Box& box : boxes) {
      Box here = box;
      if (headers(here, key)) result.push_back(std::move(here));
    }
    contradicts_ = result.empty() && !boxes.empty();
    if (!contradicts_) return result;
    not_understood(key.name + ", which contradicts the family or a match before it");
    return boxes;
  }

  // A fragment behind the first has no ports, whatever they are compared with.
  bool headers(Box& box, const NftKey& key) {
    const KeyInfo* info = find_key(key.name);
    if (info && may_be_absent(info->field) && !narrow(box, info->field, Values::of(0, low_bits(16)))) return false;
    return below(box, key, info);
  }

  bool below(Box& box, const NftKey& key, const KeyInfo* info) {
    static const std::map<std::string_view, Header> kUnknownBelow{
        {"ip", Header::Ip4},    {"ip6", Header::Ip6},   {"rt", Header::Ip6},       {"frag", Header::Ip6},
        {"hbh", Header::Ip6},   {"dst", Header::Ip6},   {"mh", Header::Ip6},       {"exthdr", Header::Ip6},
        {"tcp", Header::Tcp},   {"udp", Header::Udp},   {"sctp", Header::Sctp},    {"dccp", Header::Dccp},
        {"vlan", Header::Vlan}, {"icmp", Header::Icmp}, {"icmpv6", Header::Icmpv6}};
    Header header = info ? info->header : Header::None;
    if (!info) {
      const auto found = kUnknownBelow.find(std::string_view(key.name).substr(0, key.name.find(' ')));
      if (found != kUnknownBelow.end()) header = found->second;
    }
    switch (header) {
      case Header::None:
        return true;
      case Header::Ether:
        if (!by_sender()) not_understood(key.name + ", which a packet of this hook may not have");
        return true;
      case Header::Vlan:
        return narrow(box, Field::EtherType, Values::of(0x8100));
      case Header::Ip4:
        return network(box, 0x0800);
      case Header::Ip6:
        return network(box, 0x86dd);
      case Header::Tcp:
        return transport(box, 6);
      case Header::Udp:
        return transport(box, 17);
      case Header::UdpLite:
        return transport(box, 136);
      case Header::Sctp:
        return transport(box, 132);
      case Header::Dccp:
        return transport(box, 33);
      case Header::Transport:
        return either_network(box);
      case Header::Icmp:
        return network(box, 0x0800) && transport(box, 1);
      case Header::Icmpv6:
        return network(box, 0x86dd) && transport(box, 58);
    }
    return true;
  }

  static bool narrow(Box& box, Field field, Values values) { return box.narrow(field, share(std::move(values))); }

  // In netdev and bridge tables nft asks what the sender of the frame said, unless the rule names the EtherType itself.
  bool network(Box& box, u128 type) const {
    if (by_sender() && box.values(Field::EtherType) == Values::of(0x8100)) return true;  // `vlan type` said it
    if (!by_sender() || box.values(Field::EtherType) == Values::of(type))
      return narrow(box, Field::EtherType, Values::of(type));
    return narrow(box, Field::SkbProtocol, Values::of(type));
  }

  bool either_network(Box& box) const {
    const Values either = Values::from({{0x0800, 0x0800}, {0x86dd, 0x86dd}});
    return !by_sender() || narrow(box, Field::SkbProtocol, either);
  }

  bool transport(Box& box, u128 protocol) const {
    return either_network(box) && narrow(box, Field::Protocol, Values::of(protocol));
  }

  // Each box with the key among `values`.
  std::vector<Box> constrained(const std::vector<Box>& boxes, const NftKey& key, const KeyInfo* info,
                               const SharedValues& values) {
    std::vector<Box> result;
    for (const Box& box : boxes) {
      if (result.size() > kMaxBoxesOfRule) {
        not_understood("so many combinations");
        result.push_back(box);
      } else if (is_raw(key)) {
        raw(box, key, *values, result);
      } else if (info->type == ValueType::Status) {
        status(box, *values, result);
      } else {
        Box here = box;
        if (named(here, *info, values)) result.push_back(std::move(here));
      }
    }
    return result;
  }

  static PayloadBase base_of(const NftKey& key) {
    if (key.name == "@ll") return PayloadBase::Link;
    return key.name == "@nh" ? PayloadBase::Network : PayloadBase::Transport;
  }

  void raw(const Box& box, const NftKey& key, const Values& values, std::vector<Box>& result) {
    const PayloadBase base = base_of(key);
    if (base == PayloadBase::Link && !by_sender()) not_understood("@ll, which a packet of this hook may not have");
    if (key.name == "@ih" || (base == PayloadBase::Network && by_sender())) {
      not_understood(key.name);
      result.push_back(box);
      return;
    }
    PayloadMatch found = match_payload(box, base, key.offset, key.length, values);
    if (!found.exact) not_understood(key.name + "," + std::to_string(key.offset) + "," + std::to_string(key.length));
    result.insert(result.end(), std::make_move_iterator(found.boxes.begin()),
                  std::make_move_iterator(found.boxes.end()));
  }

  // dnat and snat of `ct status`; the other bits have no field.
  void status(const Box& box, const Values& values, std::vector<Box>& result) {
    bool all_alike = true;
    std::vector<Box> found;
    for (const bool dnat : {false, true})
      for (const bool snat : {false, true}) {
        const u128 bits = (dnat ? 32U : 0U) | (snat ? 16U : 0U);
        bool any = false;
        bool all = true;
        for (u128 others = 0; others < 1024; ++others)
          if ((others & 48) == 0) (values.contains(bits | others) ? any : all) = values.contains(bits | others);
        all_alike = all_alike && any == all;
        Box here = box;
        if (any && narrow(here, Field::ConntrackDnat, Values::of(dnat ? 1 : 0)) &&
            narrow(here, Field::ConntrackSnat, Values::of(snat ? 1 : 0)))
          found.push_back(std::move(here));
      }
    if (!all_alike) not_understood("ct status");
    Box::merge(found);
    result.insert(result.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }

  bool named(Box& box, const KeyInfo& info, const SharedValues& values) {
    SharedValues wanted = values;
    Field field = info.field;
    switch (info.type) {
      case ValueType::State:
        wanted = share(states(*values));
        break;
      case ValueType::NfProto:
        if (by_sender()) return not_understood("meta nfproto"), true;
        wanted = share(families(*values));
        break;
      case ValueType::AddressType:
        wanted = local(*values);
        break;
      case ValueType::Presence:
        // One field for two options: without one of them there may be the other.
        if (field == Field::Ip4SourceRoute && *values != Values::of(1)) wanted = nullptr;
        break;
      default:
        if (field == Field::SkbProtocol && !by_sender()) field = Field::EtherType;
        if (const int width = width_in(info); width != info.width) {
          const auto sliced = slice(*values, width, info.offset, info.width);
          if (!sliced) return not_understood(std::string(info.name)), true;
          wanted = share(std::move(*sliced));
        }
    }
    if (!wanted) return not_understood(std::string(info.name)), true;
    return box.narrow(field, wanted) && settle_headers(box);
  }

  static int width_in(const KeyInfo& info) {
    if (info.field == Field::IcmpTypeCode || info.field == Field::Icmpv6TypeCode) return 16;
    return info.field == Field::Ip4VersionLength ? 8 : info.width;
  }

  static Values states(const Values& bits) {
    static constexpr std::pair<StateValue, unsigned> kBits[] = {{StateValue::Invalid, 1},
                                                                {StateValue::New, 8},
                                                                {StateValue::Established, 2},
                                                                {StateValue::Related, 4},
                                                                {StateValue::Untracked, 64}};
    std::vector<Interval<u128>> result;
    for (const auto& [state, bit] : kBits)
      if (bits.contains(bit)) result.push_back({static_cast<u128>(state), static_cast<u128>(state)});
    return Values::from(std::move(result));
  }

  static Values families(const Values& protocols) {
    Values result;
    if (protocols.contains(2)) result |= Values::of(0x0800);
    if (protocols.contains(10)) result |= Values::of(0x86dd);
    return result;
  }

  // nullptr: types that are told apart from each other, and not only from local.
  static SharedValues local(const Values& types) {
    constexpr u128 kLocal = 2;
    constexpr u128 kLast = 11;
    if (types == Values::of(kLocal)) return share(Values::of(1));
    if (!types.contains(kLocal) && Values::from({{0, kLocal - 1}, {kLocal + 1, kLast}}).subset_of(types))
      return share(Values::of(0));
    return nullptr;
  }

  const NftRule& source_;
  TableFamily family_;
  bool translates_;  // iptables takes no target into its nat tables that drops: what is unknown there translates
  WantedValues wanted_;
  std::vector<Box> boxes_;
  bool contradicts_ = false;  // nothing has the headers of the last key
  FirewallRule result_;
};

}  // namespace

FirewallRule lower_rule(const NftRule& rule, const NftTable& table, bool empty_sets, NftSetCache& cache) {
  return RuleLowering(rule, table, empty_sets, cache).lower();
}

}  // namespace airtight::verify
