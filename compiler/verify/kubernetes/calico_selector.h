// Calico's selector language, and what its labels mean: an endpoint carries its namespace's and service account's too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compiler/verify/kubernetes/selector.h"

namespace airtight::verify {

// Of `has(a)`, `a == "b"`, `!=`, `in {…}`, `not in {…}`, `contains`, `starts with`, `ends with`, `!`, `&&`, `||`,
// `all()` and `global()`; the empty text selects everything. Empty, and `why_not` one clause, if Calico would refuse
// the text. all() stands for Selector::All; global(), "in no namespace", for a missing namespace name.
std::optional<Selector> parse_calico_selector(std::string_view text, std::string& why_not);

// Labels of a namespace: those written, and its name under two keys. In a namespaceSelector all() means every
// namespace, so that what lies in none (GlobalNetworkSet, HostEndpoint: no labels at all) is not selected.
std::optional<Selector> parse_calico_namespace_selector(std::string_view text, std::string& why_not);

// Labels of a service account, of which manifests of policies only know the name: over {"name": …}.
std::optional<Selector> parse_calico_service_account_selector(std::string_view text, std::string& why_not);

// A selector of endpoints by what it asks of the namespace, the labels and the service account. A term that asks for
// several of them at once becomes Selector::not_understood() in `pods`.
struct CalicoEndpoints {
  Selector namespaces;
  Selector pods;
  Selector service_accounts;
};
enum class CalicoThing : bool { Pod, NoPod };  // NoPod: a network set or host endpoint, which has no orchestrator
CalicoEndpoints split_calico_selector(const Selector& endpoints, CalicoThing thing);

// Whether some part of it is Selector::not_understood().
bool is_understood(const Selector&);
// Matches exactly what the other does not.
Selector negated(Selector);

}  // namespace airtight::verify
