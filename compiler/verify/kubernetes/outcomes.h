// What may become of traffic that tiers of rules decide. What is uncertain may turn out either way, each time anew, so
// that "may be allowed" and "may be denied" overlap exactly in what is not known: the wide reading is the first, the
// narrow one the complement of the second.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "compiler/verify/kubernetes/tiers.h"

namespace airtight::verify {

enum class Outcome : std::uint8_t { Allowed, Denied };

// Who allows: a rule, or (both null) an end: of the tier, or of all tiers where that is null too.
struct Cause {
  const PolicyObject* policy = nullptr;
  const PolicyRule* rule = nullptr;
  const TierRules* tier = nullptr;
};

// `View` has a type Set with the operators of sets, `universe()`, `of(span<const Step>)` -> Bounds<Set>, the union of
// what the rules match, and `others()`, what is neither TCP, UDP nor SCTP. `visit(cause, possible, certain)` is called
// for whatever may allow, in order, with the part that had reached it; a view with `kApart` is asked rule by rule.
template <class View, class Visit>
class Outcomes {
 public:
  using Set = typename View::Set;

  Outcomes(View view, Outcome wanted, Visit visit) : view_(view), wanted_(wanted), visit_(visit) {}

  Set run(std::span<const TierList> plugins) {
    for (const TierList& tiers : plugins) {
      Set reaching = view_.universe();
      for (const TierRules& tier : tiers) {
        if (reaching.empty()) break;
        reaching = pass(tier, std::move(reaching));
      }
      allow({}, reaching, reaching);
    }
    return std::move(result_);
  }

 private:
  // Returns what may reach the next tier.
  Set pass(const TierRules& tier, Set reaching) {
    Set passed;
    for (const Group& group : tier.groups) {
      if (reaching.empty()) return passed;
      if (group.size() == 1) {
        ask(tier, group.front(), reaching, passed);
        continue;
      }
      // Any of them may come first; it goes on only what none of them surely decides.
      Set undecided = reaching;
      for (const Chain& chain : group) {
        Set here = reaching;
        ask(tier, chain, here, passed);
        undecided &= here;
      }
      reaching = std::move(undecided);
    }
    const TierEnd& end = tier.end;
    if (end.may_deny && wanted_ == Outcome::Denied) result_ |= reaching;
    if (end.may_leave_others && !end.denies_all) {
      const Set others = reaching & view_.others();
      allow({nullptr, nullptr, &tier}, others, {});
    }
    if (!end.denies_transport) passed |= reaching;
    return passed;
  }

  void ask(const TierRules& tier, const Chain& chain, Set& here, Set& passed) {
    for (std::size_t begin = 0, end = 0; begin < chain.size() && !here.empty(); begin = end) {
      const Action action = chain[begin].rule->action;
      for (end = begin + 1; end < chain.size() && !View::kApart && chain[end].rule->action == action;) ++end;
      const Bounds<Set> match = view_.of(std::span<const Step>(chain).subspan(begin, end - begin));
      if (action == Action::Allow) {
        allow({chain[begin].rule->policy, chain[begin].rule->rule, &tier}, here & match.possible,
              View::kApart ? here & match.certain : Set());
      } else if (action == Action::Pass) {
        passed |= here & match.possible;
      } else if (wanted_ == Outcome::Denied) {
        result_ |= here & match.possible;
      }
      here -= match.certain;
    }
  }

  void allow(const Cause& cause, const Set& possible, const Set& certain) {
    visit_(cause, possible, certain);
    if (wanted_ == Outcome::Allowed) result_ |= possible;
  }

  View view_;
  Outcome wanted_;
  Visit visit_;
  Set result_;
};

}  // namespace airtight::verify
