#include "compiler/verify/firewall/chain_walk.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace airtight::verify {
namespace {

using Kind = FirewallVerdict::Kind;

// The kernel takes 16 jumps; a longer way is no loaded ruleset.
constexpr std::size_t kMaxDepth = 64;
// Pairs of boxes compared in one walk, and what trying a branch costs beside them: some seconds.
constexpr std::size_t kMaxWork = 200'000'000;
constexpr std::size_t kBranchWork = 100;

// By Kind: in words, and whether the walk of the packets ends there.
constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::Elsewhere) + 1;
constexpr std::array<std::string_view, kKinds> kWords{"next rule", "accept", "drop",      "jump",
                                                      "goto",      "return", "translate", "elsewhere"};
constexpr std::array<bool, kKinds> kEnds{false, true, true, false, false, false, true, true};

std::string words(const FirewallVerdict& verdict) {
  if (!verdict.text.empty()) return verdict.text;
  std::string text(kWords[static_cast<std::size_t>(verdict.kind)]);
  return verdict.chain.empty() ? text : text + " " + verdict.chain;
}

// What becomes of packets that a branch matched, if it does match; those in none are dropped.
struct Effect {
  PacketSet accepted;
  PacketSet next;  // go on with the rule behind
  PacketSet back;  // go on behind the rule that jumped to this chain
};

class Walk {
 public:
  Walk(const FirewallTable& table, const FieldSet& looked_at, Reading reading, std::vector<FirewallStep>* steps)
      : table_(table), looked_at_(looked_at), wide_(reading == Reading::Wide), steps_(steps) {
    for (const FirewallChain& chain : table.chains) chains_.emplace(chain.name, &chain);
  }

  PacketSet base(const FirewallChain& chain, PacketSet packets) {
    early_ = is_before_lookup(chain);
    PacketSet accepted;
    PacketSet rest = through(chain, std::move(packets), accepted);
    if (!rest.empty() && steps_) note(chain, chain.span, chain.policy_accept ? "policy accept" : "policy drop");
    if (chain.policy_accept) add(accepted, std::move(rest));
    if (too_many_) accepted.mark_too_many();
    return accepted;
  }

 private:
  // What goes on behind the chain: from its end, by return, or from the end of a chain that it went to.
  PacketSet through(const FirewallChain& chain, PacketSet here, PacketSet& accepted) {
    if (active_.size() == kMaxDepth || std::find(active_.begin(), active_.end(), &chain) != active_.end()) {
      return give_up(std::move(here), accepted);
    }
    active_.push_back(&chain);
    PacketSet back;
    for (const FirewallRule& rule : chain.rules) {
      if (here.empty()) break;
      apply(chain, rule, here, back, accepted);
    }
    active_.pop_back();
    add(here, std::move(back));
    return here;
  }

  void apply(const FirewallChain& chain, const FirewallRule& rule, PacketSet& here, PacketSet& back,
             PacketSet& accepted) {
    const bool sure = rule.understood && !rule.limited;
    PacketSet next;
    for (const FirewallBranch& branch : rule.branches) {
      if (here.empty()) break;
      work_ += kBranchWork + (here.boxes().size() + accepted.boxes().size()) * (branch.match.size() + 1);
      if (work_ > kMaxWork) {
        too_many_ = true;
        here = give_up(std::move(here), accepted);
        break;
      }
      const bool last = &branch == &rule.branches.back();
      const Kind kind = branch.verdict.kind;
      if (last && kind == Kind::Continue && rule.changes.empty() && !steps_) break;
      // Matched packets that all go on with the next rule need not be cut out of the others.
      const bool may_stay = last && kind == Kind::Jump && rule.changes.empty();
      const bool cut = sure && !may_stay;
      PacketSet hit = cut ? here.take(branch.match) : PacketSet(here).take(branch.match);
      twice_ = twice_ || hit.too_many();
      if (hit.empty()) continue;
      if (steps_) note(chain, rule, branch);
      const std::size_t before = decided_;
      Effect effect = effect_of(branch.verdict, hit);
      if (may_stay && decided_ == before) continue;
      change(rule, effect);
      if (sure) {
        if (!cut) here.take(branch.match);
        add(accepted, std::move(effect.accepted));
        add(next, std::move(effect.next));
        add(back, std::move(effect.back));
      } else if (wide_) {
        twice_ = twice_ || !effect.back.empty();
        if (!rule.changes.empty()) here |= effect.next;
        here -= effect.accepted;
        add(accepted, std::move(effect.accepted));
        add(back, std::move(effect.back));
      } else {
        here -= hit - effect.accepted - effect.next;
      }
    }
    add(here, std::move(next));
  }

  // A packet is in one place, unless it may be in two.
  void add(PacketSet& set, PacketSet&& more) const {
    if (twice_) {
      set |= more;
    } else {
      set.add_disjoint(std::move(more));
    }
  }

  Effect effect_of(const FirewallVerdict& verdict, const PacketSet& hit) {
    Effect effect;
    switch (verdict.kind) {
      case Kind::Continue:
        effect.next = hit;
        break;
      case Kind::Accept:
      case Kind::Translate:
        effect.accepted = hit;
        break;
      case Kind::Drop:
        break;
      case Kind::Elsewhere:
        if (wide_) effect.accepted = hit;
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
    decided_ += kEnds[static_cast<std::size_t>(verdict.kind)];
    return effect;
  }

  PacketSet follow(const std::string& name, const PacketSet& packets, PacketSet& accepted) {
    const auto found = chains_.find(name);
    return found == chains_.end() ? give_up(packets, accepted) : through(*found->second, packets, accepted);
  }

  PacketSet give_up(PacketSet packets, PacketSet& accepted) {
    ++decided_;
    if (wide_) add(accepted, std::move(packets));
    return {};
  }

  // Packets with another value than they came with: any value (wide), or lost (narrow) where a rule looks at it.
  void change(const FirewallRule& rule, Effect& effect) {
    for (const Field field : rule.changes) {
      if (field == Field::State) {
        untrack(effect);
        continue;
      }
      if (!wide_ && !looked_at_[static_cast<std::size_t>(field)]) continue;
      ++decided_;
      twice_ = true;
      for (PacketSet* set : {&effect.accepted, &effect.next, &effect.back}) {
        *set = wide_ ? set->released(field) : PacketSet();
      }
    }
  }

  // `notrack`: behind the look-up it does nothing to most packets.
  void untrack(Effect& effect) {
    if (!wide_ && !looked_at_[static_cast<std::size_t>(Field::State)]) return;
    ++decided_;
    twice_ = true;
    for (PacketSet* set : {&effect.accepted, &effect.next, &effect.back}) {
      PacketSet untracked = untracked_of(wide_ ? set->released(Field::State) : *set);
      *set = wide_ && !early_ ? std::move(*set) | untracked : std::move(untracked);
    }
  }

  void note(const FirewallChain& chain, const Span& where, const std::string& text) {
    steps_->push_back({where, name_of(table_, chain) + ": " + text});
  }

  void note(const FirewallChain& chain, const FirewallRule& rule, const FirewallBranch& branch) {
    std::string text = describe(PacketSet::of(std::span<const Box>(branch.match))) + ": " + words(branch.verdict);
    if (!rule.understood) text += " (not understood: " + rule.why_not + ")";
    if (rule.limited) text += " (only some packets: a limit)";
    note(chain, rule.span, text);
  }

  const FirewallTable& table_;
  const FieldSet& looked_at_;
  bool wide_;
  bool early_ = false;  // the base chain is walked before connections are looked up
  std::vector<FirewallStep>* steps_;
  std::unordered_map<std::string_view, const FirewallChain*> chains_;
  std::vector<const FirewallChain*> active_;
  std::size_t work_ = 0;
  std::size_t decided_ = 0;  // grows whenever packets may not come out of a chain as they went in
  bool twice_ = false;       // from here on, packets may be in several of the sets
  bool too_many_ = false;
};

}  // namespace

PacketSet untracked_of(const PacketSet& packets) {
  Box box;
  (void)box.constrain(Field::State, Values::of(static_cast<u128>(StateValue::Untracked)));
  return packets & PacketSet::of(std::move(box));
}

FieldSet looked_at(const FirewallTable& table) {
  FieldSet fields;
  for (const FirewallChain& chain : table.chains) {
    for (const FirewallRule& rule : chain.rules) {
      for (const FirewallBranch& branch : rule.branches) {
        for (const Box& box : branch.match) {
          for (const auto& [field, values] : box.constraints()) fields.set(static_cast<std::size_t>(field));
        }
      }
    }
  }
  return fields;
}

PacketSet walk(const FirewallTable& table, const FirewallChain& base, const FieldSet& looked_at, PacketSet packets,
               Reading reading, std::vector<FirewallStep>* steps) {
  return Walk(table, looked_at, reading, steps).base(base, std::move(packets));
}

std::string name_of(const FirewallTable& table, const FirewallChain& chain) {
  return std::string(to_string(table.family)) + " " + table.name + " " + chain.name;
}

}  // namespace airtight::verify
