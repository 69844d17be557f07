// What a configuration lacks of the declared inside zones: the dns half of *complete* (DESIGN §4).
#pragma once

#include <string>
#include <vector>

#include "compiler/policy/policy.h"
#include "compiler/verify/dns/resolver_view.h"

namespace airtight::verify {

struct Gap {
  Span where;
  std::string message;      // one sentence, no full stop
  std::string destination;  // a name or an address; may be empty
};

// `at`: exceptions in force must be answered too.
std::vector<Gap> gaps(const ResolverView&, const Policy&, const DomainSet& inside_names, Date at);

}  // namespace airtight::verify
