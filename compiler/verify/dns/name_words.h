// Sets of names and addresses in words, for people; the smallest of each, for counterexamples.
#pragma once

#include <string>
#include <vector>

#include "compiler/net/domain.h"
#include "compiler/net/ip_set.h"

namespace airtight::verify {

// The smallest name of a set that is not empty, or one of its smallest: below a name, a label of one letter or two.
Domain smallest_name(const DomainSet&);

// The smallest address of a set that is not empty; neither of 0.0.0.0/8 nor of ::/96 unless there is no other.
Ip smallest_address(const IpSet&);

// "a, b, c and 4 more".
std::string shown(const std::vector<std::string>&);

// "corp.example and all below it, x.example".
std::string describe(const DomainSet&);

}  // namespace airtight::verify
