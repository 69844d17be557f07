// DNS names and sets of names (RFC 1035 §2.3.4 and §3.1, RFC 4034 §6.1, RFC 5890 A-labels).
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/net/ip.h"

namespace airtight {

// An absolute name: lower case letters, digits, hyphens (not at the edge of a label) and underscores, labels of at most
// 63 octets, at most 255 octets on the wire. An "xn--" label must be the Punycode of something. Names whose last label
// is a number are refused, because resolvers and libraries read them as IPv4 addresses.
// Ordered canonically: by labels from the right, so that a name is directly followed by all names below it.
class Domain {
 public:
  static std::optional<Domain> parse(
      std::string_view text);  // a final dot is accepted, case is folded; "." is the root
  static Domain root() { return Domain(""); }

  const std::string& text() const { return text_; }  // without final dot; empty for the root
  bool is_root() const { return text_.empty(); }
  std::vector<std::string_view> labels() const;  // leftmost first; they live as long as this object
  bool is_within(const Domain& zone) const;      // equal or below
  std::optional<Domain> parent() const;          // empty for the root

  friend bool operator==(const Domain&, const Domain&) = default;
  friend std::strong_ordering operator<=>(const Domain& a, const Domain& b);

 private:
  explicit Domain(std::string text) : text_(std::move(text)) {}
  friend Domain reverse_name(Ip ip);
  friend class DomainSet;  // makes names from its sort keys

  std::string text_;
};

std::string to_string(const Domain& name);  // without final dot; "." for the root

// One clause for a message on why the text is no name; empty if it is one. For a name with letters beyond ASCII it
// says which A-labels to write, where that is certain.
std::string why_not_domain(std::string_view text);

// The name of the PTR record: in-addr.arpa (RFC 1035 §3.5) or ip6.arpa (RFC 3596 §2.5).
Domain reverse_name(Ip ip);

// A set of names made of "exactly this name" and "everything below this name". Canonical: nodes in order, none that
// repeats what its nearest ancestor says, so equality is element equality. The algebra has no bound on the length of
// names: two sets that differ only in names too long for DNS differ. Operators are linear in the nodes of both.
class DomainSet {
 public:
  struct Node {
    Domain name;
    bool self;   // whether `name` is in the set
    bool below;  // whether names strictly below are, until a longer node says otherwise

    friend bool operator==(const Node&, const Node&) = default;
  };

  DomainSet() = default;
  static DomainSet all() { return below(Domain::root()); }
  static DomainSet none() { return {}; }
  static DomainSet exactly(Domain name) { return one({std::move(name), true, false}); }
  static DomainSet below(Domain name) { return one({std::move(name), true, true}); }  // the name and all below it
  static DomainSet strictly_below(Domain name) { return one({std::move(name), false, true}); }
  static DomainSet from_suffixes(std::span<const Domain> names);  // union of below(); O(n log n)
  static DomainSet from_names(std::span<const Domain> names);     // union of exactly(); O(n log n)

  bool contains(const Domain& name) const;  // O(labels · log nodes)
  bool empty() const { return nodes_.empty(); }
  bool is_all() const { return *this == all(); }
  bool subset_of(const DomainSet& other) const;
  bool intersects(const DomainSet& other) const;
  std::span<const Node> nodes() const { return nodes_; }  // names outside every node are not in the set

  friend DomainSet operator|(const DomainSet& a, const DomainSet& b);
  friend DomainSet operator&(const DomainSet& a, const DomainSet& b);
  friend DomainSet operator-(const DomainSet& a, const DomainSet& b);
  friend DomainSet operator~(const DomainSet& a);
  DomainSet& operator|=(const DomainSet& other) { return *this = *this | other; }
  DomainSet& operator&=(const DomainSet& other) { return *this = *this & other; }
  DomainSet& operator-=(const DomainSet& other) { return *this = *this - other; }
  friend bool operator==(const DomainSet&, const DomainSet&) = default;

 private:
  static DomainSet one(Node node) {
    DomainSet set;
    set.nodes_.push_back(std::move(node));
    return set;
  }

  std::vector<Node> nodes_;
};

}  // namespace airtight
