// Typed reading of policy.json, member by member: each function takes a value of the document and reports, with its
// JSON pointer, what is not as serialise() writes it. After an error it returns any value: the Policy is then not used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/json_document.h"
#include "compiler/policy/policy.h"

namespace airtight {

// The errors of one file: PolicySyntax "WHAT at POINTER", the first fifty of them. Pointers are made for those only.
class FieldErrors {
 public:
  struct More {
    std::string expected{};
    std::string help{};
    std::string reason{};          // after the pointer
    std::string_view member = {};  // a member that the place lacks
  };

  explicit FieldErrors(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(const JsonValue& place, std::string_view what) { add(place, what, More()); }
  void add(const JsonValue& place, std::string_view what, const More&);
  std::size_t count() const { return count_; }
  bool any() const { return count_ != 0; }

 private:
  Diagnostics& diagnostics_;
  std::size_t count_ = 0;
};

bool is_kind(FieldErrors&, const JsonValue&, JsonValue::Kind);
std::string read_text(FieldErrors&, const JsonValue&);                            // without control characters
std::string read_filled(FieldErrors&, const JsonValue&);                          // not empty either
std::int64_t read_integer(FieldErrors&, const JsonValue&, std::int64_t largest);  // 0 to largest
Ip read_ip(FieldErrors&, const JsonValue&);
Prefix read_prefix(FieldErrors&, const JsonValue&);
Domain read_domain(FieldErrors&, const JsonValue&);
KubernetesVersion read_version(FieldErrors&, const JsonValue&);
AddressPort read_address_port(FieldErrors&, const JsonValue&);
Date read_date(FieldErrors&, const JsonValue&);
std::string read_pattern(FieldErrors&, const JsonValue&);  // an ECMAScript regular expression of at most 512 bytes
IpSet read_addresses(FieldErrors&, const JsonValue&);
ServiceSet read_services(FieldErrors&, const JsonValue&);
Origin read_origin(FieldErrors&, const JsonValue&);

// A word of a closed list.
template <class T>
T read_word(FieldErrors& errors, const JsonValue& value, std::optional<T> (*parse)(std::string_view),
            const std::vector<std::string_view>& known) {
  if (!is_kind(errors, value, JsonValue::Kind::String)) return T();
  const std::string text = value.string();
  if (const std::optional<T> parsed = parse(text)) return *parsed;
  std::string words;
  for (const std::string_view word : known) words += (words.empty() ? "" : ", ") + std::string(word);
  errors.add(value, "unknown word " + quoted(text), {.expected = "one of " + words});
  return T();
}

template <class One>
auto read_list(FieldErrors& errors, const JsonValue& value, One one) {
  std::vector<decltype(one(value))> list;
  if (!is_kind(errors, value, JsonValue::Kind::Array)) return list;
  const std::vector<JsonValue> items = value.items();
  list.reserve(items.size());
  for (const JsonValue& item : items) list.push_back(one(item));
  return list;
}

template <class One>
auto read_map(FieldErrors& errors, const JsonValue& value, One one) {
  std::map<std::string, decltype(one(value))> map;
  if (!is_kind(errors, value, JsonValue::Kind::Object)) return map;
  for (const JsonMember& member : value.members()) {
    std::string key = read_text(errors, member.key);
    map.emplace(std::move(key), one(member.value));
  }
  return map;
}

// The members of one object; asking for one that is missing is an error. finish() reports those that nobody asked for.
class ObjectFields {
  template <class T>
  auto with(T (*read)(FieldErrors&, const JsonValue&)) {
    return [this, read](const JsonValue& value) { return read(errors_, value); };
  }

 public:
  ObjectFields(FieldErrors&, const JsonValue&);

  // What `read` makes of the member; `missing` if there is none.
  template <class T, class Read>
  T get(std::string_view name, T missing, Read read) {
    const std::optional<JsonValue> value = ask(name);
    return value ? T(read(*value)) : missing;
  }
  // The value that the member holds; no error if there is none.
  std::optional<JsonValue> find(std::string_view name) const;

  std::string text(std::string_view name) { return get(name, std::string(), with(read_text)); }
  std::string filled(std::string_view name) { return get(name, std::string(), with(read_filled)); }
  bool flag(std::string_view name) {
    return get(name, false,
               [&](const JsonValue& v) { return is_kind(errors_, v, JsonValue::Kind::Boolean) && v.boolean(); });
  }
  template <class T>
  T number(std::string_view name) {
    constexpr std::int64_t kLargest = std::numeric_limits<T>::max();
    return get(name, T{}, [&](const JsonValue& v) { return static_cast<T>(read_integer(errors_, v, kLargest)); });
  }
  Prefix prefix(std::string_view name) { return get(name, Prefix::host(Ip::v4(0)), with(read_prefix)); }
  Domain domain(std::string_view name) { return get(name, Domain::root(), with(read_domain)); }
  IpSet addresses(std::string_view name) { return get(name, IpSet(), with(read_addresses)); }
  ServiceSet services(std::string_view name) { return get(name, ServiceSet(), with(read_services)); }
  ServiceSet some_services(std::string_view name);  // not empty
  Origin origin(std::string_view name) { return get(name, Origin(), with(read_origin)); }
  Labels labels(std::string_view name) {
    return get(name, Labels(), [&](const JsonValue& v) { return read_map(errors_, v, with(read_text)); });
  }
  template <class One>
  auto list(std::string_view name, One one) {
    using List = decltype(read_list(errors_, place_, one));
    return get(name, List(), [&](const JsonValue& v) { return read_list(errors_, v, one); });
  }
  std::vector<std::string> texts(std::string_view name) { return list(name, with(read_text)); }
  std::vector<Prefix> prefixes(std::string_view name) { return list(name, with(read_prefix)); }

  // `values` is what list(name, …) gave: ascending without repetition by what `key` makes of each, since a name must
  // lead to one thing, and one Policy must have one file.
  template <class T, class Key>
  void check_ascending(std::string_view name, const std::vector<T>& values, Key key) {
    for (std::size_t i = 1; i < values.size(); ++i) {
      if (std::invoke(key, values[i - 1]) < std::invoke(key, values[i])) continue;
      errors_.add(find(name)->items()[i], "out of order or twice", {.expected = "ascending order"});
      return;
    }
  }

  void finish();

 private:
  std::optional<JsonValue> ask(std::string_view name);

  FieldErrors& errors_;
  JsonValue place_;
  bool readable_ = false;
  std::vector<JsonMember> members_;
  std::vector<std::string> names_;
  std::vector<bool> asked_;
  std::vector<std::string_view> wanted_;
};

// DomainSet::nodes() as written: canonical, so that reading them gives the set with exactly these nodes.
DomainSet read_names(FieldErrors&, const JsonValue&);

}  // namespace airtight
