// One function a kind of value: node in, value out, or a diagnostic under the exact token. Canonical text only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "compiler/net/domain.h"
#include "compiler/net/ip.h"
#include "compiler/net/traffic_set.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"
#include "compiler/spec/yaml.h"

namespace airtight {

// `what` names the field in messages ("endpoint vllm: addresses"). Each returns nullopt after it has added an error.
class ScalarReader {
 public:
  explicit ScalarReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // A single value, not null; other shapes are WrongType or NotFilled.
  const Node* scalar(const Node&, std::string_view what);
  // Free text: not empty, and no plain scalar that YAML readers take for something else.
  std::optional<std::string> text(const Node&, std::string_view what);
  std::optional<bool> boolean(const Node&, std::string_view what);
  // One of `words`; a near miss is named.
  std::optional<std::string> word(const Node&, std::string_view what, std::span<const std::string_view> words);
  // False if YAML readers take this plain key for something else than text.
  bool key(const Member&, std::string_view what);
  // RFC 1123 label: names of workloads, endpoints, namespaces, port names.
  std::optional<std::string> name(const Node&, std::string_view what);
  bool name(std::string_view text, Span at, std::string_view what);
  // Kubernetes label key and value.
  bool label_key(std::string_view text, Span at, std::string_view what);
  std::optional<std::string> label_value(const Node&, std::string_view what);
  std::optional<Ip> address(const Node&, std::string_view what);
  std::optional<Prefix> prefix(const Node&, std::string_view what);
  // An address stands for itself as /32 or /128.
  std::optional<Prefix> address_or_prefix(const Node&, std::string_view what);
  std::optional<AddressPort> address_port(const Node&, std::string_view what);
  // N[-M]/tcp|udp|sctp, or icmp (both ICMP and ICMPv6).
  std::optional<ServiceSet> port(const Node&, std::string_view what);
  std::optional<Domain> domain(const Node&, std::string_view what);
  std::optional<Date> date(const Node&, std::string_view what);
  std::optional<KubernetesVersion> version(const Node&, std::string_view what);
  // A device name pattern: at most 15 characters, '*' at the end only.
  std::optional<std::string> device(const Node&, std::string_view what);

 private:
  bool ascii(const Node&, std::string_view what);
  Diagnostics& diagnostics_;
};

// Why YAML readers disagree about this plain scalar ("a boolean for YAML 1.1"), or empty.
std::string_view ambiguity(std::string_view plain);

}  // namespace airtight
