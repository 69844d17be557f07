// Cilium's selectors: label keys that carry a source and may be about the namespace, the service account or identities
// that are no pods.
#pragma once

#include <vector>

#include "compiler/verify/document.h"
#include "compiler/verify/kubernetes/plugin_policy.h"
#include "compiler/verify/kubernetes/selector.h"

namespace airtight::verify {

// One requirement of a selector, its key without the source in front ("k8s:", "any:").
struct CiliumTerm {
  enum class About { Pod, Namespace, NamespaceName, ServiceAccount, Reserved, Unknown };
  About about = About::Pod;
  Selector leaf;
  bool exact = false;  // of matchLabels
  Span span;
};

// The requirements of an EndpointSelector, all of which must hold. What Cilium would refuse is refused.
std::vector<CiliumTerm> read_cilium_terms(const Value& selector, PolicyNotes& notes);

}  // namespace airtight::verify
