#include "compiler/verify/kubernetes/objects.h"

#include <algorithm>

namespace airtight::verify {

std::string to_string(const ObjectRef& ref) {
  std::string text = ref.kind;
  text += ' ';
  if (!ref.ns.empty()) text.append(ref.ns).append("/");
  return text += ref.name;
}

std::string name_of(const Workload& workload) {
  if (!workload.symbolic) return workload.ref.ns + '/' + workload.ref.name + '[' + workload.ref.kind + ']';
  std::string labels;
  for (const auto& [key, value] : workload.labels.labels) {
    labels.append(labels.empty() ? "" : ",").append(key).append("=").append(value);
  }
  return labels.empty() ? "every other pod of " + workload.ref.ns : "any pod of " + workload.ref.ns + " with " + labels;
}

const Namespace* Cluster::find_namespace(std::string_view name) const {
  const auto found = std::lower_bound(namespaces.begin(), namespaces.end(), name,
                                      [](const Namespace& a, std::string_view b) { return a.name < b; });
  return found != namespaces.end() && found->name == name ? &*found : nullptr;
}

}  // namespace airtight::verify
