#include "compiler/verify/obligation_firewall.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <map>
#include <optional>
#include <utility>

#include "compiler/verify/firewall/evaluation.h"
#include "compiler/verify/firewall/leaving.h"

namespace airtight::verify {
namespace {

using Kind = FirewallVerdict::Kind;

constexpr std::size_t kFields = static_cast<std::size_t>(Field::Count);
// Rules written out for one problem, those of called chains once a call.
constexpr std::size_t kMaxRules = 100'000;
constexpr std::size_t kMaxDepth = 64;  // as deep as the judges go
constexpr u128 kIpv4 = 0x0800;
constexpr u128 kIpv6 = 0x86dd;
constexpr u128 kArp = 0x0806;

std::size_t index(Field field) { return static_cast<std::size_t>(field); }

int width_of(Field field) {
  int width = 0;
  for (u128 largest = universe(field).intervals().back().last; largest != 0; largest >>= 1) ++width;
  return width;
}

std::string symbol(Field field) {
  std::string name(to_string(field));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == ' ' ? '_' : c;
  return name;
}

// A packet: the fields as a rule sees them, each declared when it is first asked for.
class Packet {
 public:
  explicit Packet(Problem& problem) : problem_(problem) {}

  const Term& field(Field field) {
    Term& term = now_[index(field)];
    if (term.empty()) term = original(field);
    return term;
  }
  // Where the condition holds the field has any value from now on.
  void change(Field wanted, const Term& where) {
    const Term before = field(wanted);
    const Term any = problem_.fresh("changed_" + symbol(wanted), width_of(wanted));
    problem_.require(in_universe(any, wanted));
    now_[index(wanted)] = problem_.define(chosen(where, any, before), width_of(wanted));
  }
  void restart() { now_ = original_; }

  Term has(Field wanted, const Values& values) {
    const Term& term = field(wanted);
    return problem_.has(term, width_of(wanted), values);
  }
  Term is(const Box& box) {
    std::vector<Term> parts;
    for (const auto& [field, values] : box.constraints()) parts.push_back(has(field, values));
    return all_of(parts);
  }
  Term is_any(std::span<const Box> boxes) {
    std::vector<Term> parts;
    for (const Box& box : boxes) parts.push_back(is(box));
    return any_of(parts);
  }

 private:
  const Term& original(Field field) {
    Term& term = original_[index(field)];
    if (!term.empty()) return term;
    term = problem_.constant(symbol(field), width_of(field));
    problem_.require(in_universe(term, field));
    return term;
  }
  Term in_universe(const Term& term, Field field) {
    const u128 largest = width_of(field) == 128 ? ~u128{0} : (u128{1} << width_of(field)) - 1;
    const Values& values = universe(field);
    return values == Values::of(0, largest) ? "true" : problem_.has(term, width_of(field), values);
  }

  Problem& problem_;
  std::array<Term, kFields> original_, now_;
};

// The base chains that packets meet one after the other, called chains written out in place. What a rule may match or
// not is read in two ways. Wide: a free choice says which, so that a solver looks for a way on which a packet passes.
// Narrow: every way is followed at once, and a packet passes that none of them loses.
class ChainWriter {
 public:
  ChainWriter(Problem& problem, Packet& packet, const Sources& sources, Reading reading,
              const std::bitset<kFields>& looked_at, std::size_t& rules)
      : problem_(problem),
        packet_(packet),
        sources_(sources),
        wide_(reading == Reading::Wide),
        looked_at_(looked_at),
        rules_(rules) {}

  // Packets meet one more base chain.
  void meet(const FirewallTable& table, const FirewallChain& base) {
    const Term seen = seen_by(table.family);
    table_ = &table;
    std::vector<Term> passed{all_of({here_, negated(seen)})};
    Term left = through(base, problem_.define(all_of({here_, seen})), passed);
    (base.policy_accept ? passed : lost_).push_back(std::move(left));
    here_ = problem_.define(any_of(passed));
  }
  Term passed() const { return wide_ ? here_ : negated(any_of(lost_)); }

 private:
  struct Effect {
    std::vector<Term> accepted;
    Term next = "false";
    Term back = "false";
  };

  Term seen_by(TableFamily family) {
    switch (family) {
      case TableFamily::Ip:
        return packet_.has(Field::EtherType, Values::of(kIpv4));
      case TableFamily::Ip6:
        return packet_.has(Field::EtherType, Values::of(kIpv6));
      case TableFamily::Inet:
        return packet_.has(Field::EtherType, Values::of(kIpv4) | Values::of(kIpv6));
      default:
        return "true";
    }
  }

  Term through(const FirewallChain& chain, Term here, std::vector<Term>& accepted) {
    if (active_.size() == kMaxDepth || std::count(active_.begin(), active_.end(), &chain) > 0) {
      problem_.note("chain " + chain.name + " calls itself: wide, it accepts; narrow, it drops");
      return give_up(here, accepted);
    }
    active_.push_back(&chain);
    problem_.note("chain " + chain.name + " of table " + table_->name);
    std::vector<Term> back;
    for (const FirewallRule& rule : chain.rules) {
      if (here == "false" || rules_ > kMaxRules) break;
      here = apply(rule, std::move(here), back, accepted);
    }
    active_.pop_back();
    back.push_back(std::move(here));
    return problem_.define(any_of(back));
  }

  // What goes on with the next rule.
  Term apply(const FirewallRule& rule, Term here, std::vector<Term>& back, std::vector<Term>& accepted) {
    ++rules_;
    const bool sure = rule.understood && !rule.limited;
    problem_.note(place(rule) + (sure ? "" : ", may match or not"));
    std::vector<Term> next;
    for (const FirewallBranch& branch : rule.branches) {
      const bool last = &branch == &rule.branches.back();
      if (last && branch.verdict.kind == Kind::Continue && rule.changes.empty()) break;
      std::vector<Term> conditions{here, packet_.is_any(branch.match)};
      if (!sure && wide_) conditions.push_back(problem_.fresh("choice", 0));
      const Term hit = problem_.define(all_of(conditions));
      if (hit == "false") continue;
      Effect effect = effect_of(branch.verdict, hit);
      change(rule, hit, effect);
      if (sure || wide_) here = problem_.define(all_of({here, negated(hit)}));
      accepted.insert(accepted.end(), effect.accepted.begin(), effect.accepted.end());
      next.push_back(std::move(effect.next));
      back.push_back(std::move(effect.back));
    }
    next.push_back(std::move(here));
    return problem_.define(any_of(next));
  }

  Effect effect_of(const FirewallVerdict& verdict, const Term& hit) {
    Effect effect;
    switch (verdict.kind) {
      case Kind::Continue:
        effect.next = hit;
        break;
      case Kind::Accept:
      case Kind::Translate:
        effect.accepted.push_back(hit);
        break;
      case Kind::Drop:
        lost_.push_back(hit);
        break;
      case Kind::Elsewhere:
        (wide_ ? effect.accepted : lost_).push_back(hit);
        break;
      case Kind::Return:
        effect.back = hit;
        break;
      case Kind::Jump:
        effect.next = follow(verdict.chain, hit, effect.accepted);
        break;
      case Kind::Goto:
        effect.back = follow(verdict.chain, hit, effect.accepted);
        break;
    }
    return effect;
  }

  Term follow(const std::string& name, const Term& here, std::vector<Term>& accepted) {
    const FirewallChain* chain = table_->find(name);
    if (chain) return through(*chain, here, accepted);
    problem_.note("chain " + name + " is missing: wide, it accepts; narrow, it drops");
    return give_up(here, accepted);
  }

  Term give_up(const Term& here, std::vector<Term>& accepted) {
    (wide_ ? accepted : lost_).push_back(here);
    return "false";
  }

  void change(const FirewallRule& rule, const Term& hit, Effect& effect) {
    for (const Field field : rule.changes) {
      if (wide_) {
        packet_.change(field, hit);
      } else if (looked_at_[index(field)]) {
        lost_.push_back(hit);
        effect = {};
      }
    }
  }

  std::string place(const FirewallRule& rule) const {
    if (!rule.span.known()) return "rule";
    return std::string(sources_.basename(rule.span.source)) + ":" +
           std::to_string(sources_.position(rule.span.source, rule.span.begin).line);
  }

  Problem& problem_;
  Packet& packet_;
  const Sources& sources_;
  bool wide_;
  const std::bitset<kFields>& looked_at_;
  std::size_t& rules_;
  const FirewallTable* table_ = nullptr;
  Term here_ = "true";
  std::vector<Term> lost_;
  std::vector<const FirewallChain*> active_;
};

struct Hooked {
  const FirewallTable* table;
  const FirewallChain* chain;
};
using Way = std::vector<Hooked>;

class Writer {
 public:
  Writer(SolverFile& file, const Ruleset& ruleset, const Question& question, const Sources& sources)
      : file_(file), ruleset_(ruleset), question_(question), sources_(sources) {
    for_each_rule([this](const FirewallTable&, const FirewallChain& chain, const FirewallRule& rule) {
      if (rule.rewrites || (chain.type == "nat" && !rule.understood)) new_destinations_ = true;
      for (const FirewallBranch& branch : rule.branches) {
        if (branch.verdict.kind == Kind::Translate) {
          if (chain.hook != Hook::Postrouting) translates_ = true;
          if (!is_of_sources(branch.verdict.text)) new_destinations_ = true;
        }
        for (const Box& box : branch.match)
          for (const auto& [field, values] : box.constraints()) looked_at_.set(index(field));
      }
    });
  }

  void run() {
    for (const Path path : {Path::Output, Path::Forward}) ask(path);
    const bool egress = std::any_of(ruleset_.tables.begin(), ruleset_.tables.end(), [](const FirewallTable& table) {
      return std::any_of(table.chains.begin(), table.chains.end(),
                         [](const FirewallChain& chain) { return chain.hook == Hook::Egress; });
    });
    if (egress) ask(Path::Egress);
  }

 private:
  template <class Visit>
  void for_each_rule(Visit visit) const {
    for (const FirewallTable& table : ruleset_.tables)
      for (const FirewallChain& chain : table.chains)
        for (const FirewallRule& rule : chain.rules) visit(table, chain, rule);
  }

  static bool is_of_sources(const std::string& text) {
    return text.starts_with("snat") || text.starts_with("masquerade") || text.starts_with("SNAT") ||
           text.starts_with("MASQUERADE");
  }

  static bool is_on(const FirewallTable& table, const FirewallChain& chain, Path path) {
    const bool of_ip =
        table.family == TableFamily::Ip || table.family == TableFamily::Ip6 || table.family == TableFamily::Inet;
    switch (chain.hook) {
      case Hook::Prerouting:
      case Hook::Forward:
        return of_ip && path == Path::Forward && chain.type != "nat";
      case Hook::Output:
        return of_ip && path == Path::Output && chain.type != "nat";
      case Hook::Postrouting:
        return of_ip && path != Path::Egress && chain.type != "nat";
      case Hook::Egress:
        return table.family == TableFamily::Netdev && path == Path::Egress;
      default:
        return false;
    }
  }

  // A chain that sees other addresses than the packet leaves with holds nothing for sure.
  bool credited(const FirewallChain& chain) const {
    if (chain.hook == Hook::Prerouting || chain.hook == Hook::Output)
      return !new_destinations_ || chain.priority > -100;
    return chain.hook != Hook::Postrouting || chain.priority < 100;
  }

  // By device on Egress, else one way; what passes any of them leaves.
  std::map<std::string, Way> ways(Path path, Reading reading) const {
    std::map<std::string, Way> ways;
    if (path != Path::Egress) ways.try_emplace("");
    for (const FirewallTable& table : ruleset_.tables)
      for (const FirewallChain& chain : table.chains) {
        if (!is_on(table, chain, path) || (reading == Reading::Wide && !credited(chain))) continue;
        if (path != Path::Egress) ways[""].push_back({&table, &chain});
        if (path == Path::Egress && !ruleset_.live_listing)
          for (const std::string& device : chain.devices) ways[device].push_back({&table, &chain});
      }
    for (auto& [device, way] : ways)
      std::stable_sort(way.begin(), way.end(), [](const Hooked& a, const Hooked& b) {
        const auto key = [](const Hooked& h) { return std::pair(h.chain->hook, h.chain->priority); };
        return key(a) < key(b);
      });
    return ways;
  }

  bool rewritten_on(Path path) const {
    bool rewritten = false;
    for_each_rule([&](const FirewallTable& table, const FirewallChain& chain, const FirewallRule& rule) {
      const bool called = chain.hook == Hook::None;  // by whom is not asked
      rewritten |= rule.rewrites && (called || is_on(table, chain, path));
    });
    return rewritten;
  }

  void ask(Path path) {
    const std::string title = "layer firewall, " + std::string(to_string(path)) + " path";
    if (rewritten_on(path)) return file_.not_encoded(title, "a rule rewrites addresses or payload");
    for (const Reading reading : {Reading::Wide, Reading::Narrow}) {
      Problem problem(file_.sets());
      std::size_t rules = 0;
      write(problem, path, reading, rules);
      const std::string read = title + (reading == Reading::Wide ? ", wide reading" : ", narrow reading");
      if (rules > kMaxRules)
        file_.not_encoded(read,
                          "more than " + std::to_string(kMaxRules) + " rules, called chains counted at each call");
      else
        file_.check(read, problem, expected(path, reading));
    }
  }

  void write(Problem& problem, Path path, Reading reading, std::size_t& rules) const {
    Packet packet(problem);
    problem.note("to the outside");
    problem.require(outside(packet, path));
    std::vector<Term> left;
    const std::map<std::string, Way> all = ways(path, reading);
    for (const auto& [device, way] : all) {
      packet.restart();
      if (!device.empty()) problem.note("device " + device);
      ChainWriter writer(problem, packet, sources_, reading, looked_at_, rules);
      for (const Hooked& hooked : way) writer.meet(*hooked.table, *hooked.chain);
      left.push_back(problem.define(all_of({writer.passed(), negated(by_right(problem, packet, path))})));
    }
    if (all.empty()) left.push_back(negated(by_right(problem, packet, path)));
    problem.require(any_of(left));
  }

  Term outside(Packet& packet, Path path) const {
    std::vector<Interval<u128>> v4;
    for (const Interval<std::uint32_t>& interval : question_.inside.v4().intervals())
      v4.push_back({interval.first, interval.last});
    const Term is_v4 = packet.has(Field::EtherType, Values::of(kIpv4));
    const Term is_v6 = packet.has(Field::EtherType, Values::of(kIpv6));
    std::vector<Term> ways{all_of({is_v4, negated(packet.has(Field::Ip4Destination, Values::from(std::move(v4))))}),
                           all_of({is_v6, negated(packet.has(Field::Ip6Destination, question_.inside.v6()))})};
    std::vector<Term> all;
    if (path == Path::Egress) {
      Values known = Values::of(kIpv4) | Values::of(kIpv6) | Values::of(kArp);
      if (question_.policy)
        for (const EtherType& type : question_.policy->cluster.l2) known |= Values::of(type.value);
      ways.push_back(negated(packet.has(Field::EtherType, known)));
    } else if (!translates_) {
      all.push_back(negated(packet.has(Field::OutInterface, interface_values("lo"))));
    }
    all.push_back(any_of(ways));
    if (const std::optional<u128> family = only_family())
      all.push_back(packet.has(Field::EtherType, Values::of(*family)));
    return all_of(all);
  }

  // A dump of one family's rules says nothing of the other, which is neither held nor open.
  std::optional<u128> only_family() const {
    const bool v4 = ruleset_.has_v4_iptables;
    if (v4 == ruleset_.has_v6_iptables) return std::nullopt;
    for (const FirewallTable& table : ruleset_.tables)
      if (table.family == TableFamily::Inet || table.family == (v4 ? TableFamily::Ip6 : TableFamily::Ip))
        return std::nullopt;
    return v4 ? kIpv4 : kIpv6;
  }

  Term by_right(Problem& problem, Packet& packet, Path path) const {
    std::vector<Term> parts;
    for (const Shape& shape : shapes(question_, path)) {
      problem.note("leaves by right: " + shape.what);
      parts.push_back(packet.is_any(shape.packets.boxes()));
    }
    return any_of(parts);
  }

  PacketSet leak(Path path, Reading reading) const {
    PacketSet packets = outside_packets(question_, path, !translates_);
    if (const std::optional<u128> family = only_family()) {
      Box box;
      (void)box.constrain(Field::EtherType, Values::of(*family));
      packets = packets & PacketSet::of(std::move(box));
    }
    PacketSet passed = passes(ruleset_, path, packets, reading).passed;
    for (const Shape& shape : shapes(question_, path)) passed = passed - shape.packets;
    return passed;
  }

  // The judges' narrow set may lack packets that pass in every case; then they say inconclusive.
  Expected expected(Path path, Reading reading) const {
    const PacketSet passed = leak(path, reading);
    if (passed.too_many()) return Expected::Unknown;
    if (!passed.empty()) return Expected::Sat;
    return reading == Reading::Narrow && !leak(path, Reading::Wide).empty() ? Expected::Unknown : Expected::Unsat;
  }

  SolverFile& file_;
  const Ruleset& ruleset_;
  const Question& question_;
  const Sources& sources_;
  bool new_destinations_ = false;
  bool translates_ = false;
  std::bitset<kFields> looked_at_;
};

}  // namespace

void write_firewall(SolverFile& file, const Ruleset& ruleset, const Question& question, const Sources& sources) {
  Writer(file, ruleset, question, sources).run();
}

}  // namespace airtight::verify
