#include "auditor/classify/address_index.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

namespace airtight::audit {
namespace {

// IPv6 routing protocols speak from here.
IpSet link_local_v6() { return IpSet::range(Ip::v6(u128{0xFE80} << 112), Ip::v6((u128{0xFEC0} << 112) - 1)); }

// What carries an IP protocol number, by whichever name the caller calls it.
ServiceSet carriers_of(std::uint8_t number) {
  constexpr std::pair<std::uint8_t, Protocol> kNamed[] = {
      {6, Protocol::Tcp}, {17, Protocol::Udp}, {132, Protocol::Sctp}, {1, Protocol::Icmp}, {58, Protocol::Icmpv6}};
  ServiceSet set = ServiceSet::of(Protocol::Other, PortSet::of(number));
  for (const auto& [named, protocol] : kNamed)
    if (named == number) set |= ServiceSet::protocol(protocol);
  return set;
}

IpSet resolvers(const Policy& policy) {
  IpSet set;
  if (policy.cluster.dns) set = policy.addresses_of({Peer::Kind::ClusterDns, 0});
  for (const Endpoint& endpoint : policy.endpoints)
    if (endpoint.role == Role::Dns) set |= endpoint.addresses;
  return set;
}

// Lists of indexes, each given a number once.
class Classes {
 public:
  std::uint32_t operator()(std::span<const std::uint32_t> members) {
    std::vector<std::uint32_t> key(members.begin(), members.end());
    const auto [found, added] = numbers_.try_emplace(std::move(key), static_cast<std::uint32_t>(numbers_.size()));
    return found->second;
  }
  const std::map<std::vector<std::uint32_t>, std::uint32_t>& all() const { return numbers_; }

 private:
  std::map<std::vector<std::uint32_t>, std::uint32_t> numbers_;
};

}  // namespace

// The sets of a policy, equal ones once, and what each of them is to each permission.
class AddressIndex::Builder {
 public:
  explicit Builder(const Policy& policy) {
    mark(policy.inside, &Boundary::Place::inside);
    mark(policy.cluster_ranges(), &Boundary::Place::cluster);
    mark(policy.pods(), &Boundary::Place::pod);
    mark(policy.nodes(), &Boundary::Place::node);
    mark(resolvers(policy), &Boundary::Place::resolver);

    for (const Multicast& multicast : policy.multicast) {
      IpSet sources = policy.nodes();
      if (!multicast.group.is_v4()) sources |= link_local_v6();
      permit(set(sources), set(IpSet::of(multicast.group)), carriers_of(multicast.number));
    }
    for (const airtight::Flow& flow : policy.flows)
      permit(peer(policy, flow.from), peer(policy, flow.to), flow.services);
    for (const Exception& exception : policy.exceptions) {
      permit(peer(policy, exception.from), set(IpSet::of(exception.to)), exception.services);
    }
  }

  Partition<std::uint32_t> v4() {
    std::vector<IntervalSet<std::uint32_t>> sets;
    for (const IpSet* set : sets_) sets.push_back(set->v4());
    return {sets, std::ref(classes_)};
  }
  Partition<u128> v6() {
    std::vector<IntervalSet<u128>> sets;
    for (const IpSet* set : sets_) sets.push_back(set->v6());
    return {sets, std::ref(classes_)};
  }
  std::vector<Partition<std::uint16_t>> selectors() {
    std::vector<Partition<std::uint16_t>> result;
    for (const Protocol protocol : kProtocols) {
      std::vector<PortSet> sets;
      for (const ServiceSet& service : services_) sets.push_back(service.ports(protocol));
      result.emplace_back(sets, std::ref(carried_));
    }
    return result;
  }

  std::vector<AddressClass> classes() const {
    std::vector<AddressClass> result(classes_.all().size());
    for (const auto& [members, number] : classes_.all()) {
      AddressClass& made = result[number];
      std::vector<std::uint32_t> sources;
      std::vector<std::uint32_t> destinations;
      for (const std::uint32_t set : members) {
        for (const auto flag : uses_[set].flags) made.place.*flag = true;
        sources.insert(sources.end(), uses_[set].as_source.begin(), uses_[set].as_source.end());
        destinations.insert(destinations.end(), uses_[set].as_destination.begin(), uses_[set].as_destination.end());
      }
      made.as_source = row(std::move(sources));
      made.as_destination = row(std::move(destinations));
    }
    return result;
  }
  std::vector<Row> carried() const {
    std::vector<Row> result(carried_.all().size());
    for (const auto& [members, number] : carried_.all()) result[number] = row(members);
    return result;
  }

 private:
  using Flag = bool Boundary::Place::*;
  struct Uses {
    std::vector<Flag> flags;
    std::vector<std::uint32_t> as_source;
    std::vector<std::uint32_t> as_destination;
  };

  std::uint32_t set(const IpSet& addresses) {
    const auto [found, added] = numbers_.try_emplace(addresses, static_cast<std::uint32_t>(sets_.size()));
    if (added) {
      sets_.push_back(&found->first);
      uses_.emplace_back();
    }
    return found->second;
  }
  std::uint32_t peer(const Policy& policy, const Peer& peer) {
    const auto found = peers_.find(peer);
    return found != peers_.end() ? found->second : peers_[peer] = set(policy.addresses_of(peer));
  }
  void mark(const IpSet& addresses, Flag flag) { uses_[set(addresses)].flags.push_back(flag); }
  void permit(std::uint32_t source, std::uint32_t destination, const ServiceSet& services) {
    const auto number = static_cast<std::uint32_t>(services_.size());
    uses_[source].as_source.push_back(number);
    uses_[destination].as_destination.push_back(number);
    services_.push_back(services);
  }

  static Row row(std::vector<std::uint32_t> numbers) {
    std::sort(numbers.begin(), numbers.end());
    Row row;
    for (const std::uint32_t number : numbers) {
      if (row.empty() || row.back().index != number / 64) row.push_back({number / 64, 0});
      row.back().bits |= std::uint64_t{1} << number % 64;
    }
    return row;
  }

  std::map<IpSet, std::uint32_t> numbers_;
  std::vector<const IpSet*> sets_;
  std::vector<Uses> uses_;
  std::map<Peer, std::uint32_t> peers_;
  std::vector<ServiceSet> services_;  // by number of the permission
  Classes classes_;
  Classes carried_;
};

AddressIndex::AddressIndex(const Policy& policy) : AddressIndex(policy, Builder(policy)) {}

AddressIndex::AddressIndex(const Policy& policy, Builder&& builder)
    : flows_(static_cast<std::uint32_t>(policy.multicast.size())),
      exceptions_(static_cast<std::uint32_t>(flows_ + policy.flows.size())),
      end_(static_cast<std::uint32_t>(exceptions_ + policy.exceptions.size())),
      v4_(builder.v4()),
      v6_(builder.v6()),
      selectors_(builder.selectors()),
      carried_(builder.carried()) {
  classes_ = builder.classes();
  for (const Exception& exception : policy.exceptions) expires_.push_back(exception.expires);
}

template <class Visit>
void AddressIndex::each_common(std::uint32_t first, std::uint32_t last, const Row& a, const Row& b, const Row& c,
                               Visit visit) {
  if (first == last) return;
  const auto from = [first](const Row& row) {
    return std::lower_bound(row.begin(), row.end(), first / 64,
                            [](const Word& word, std::uint32_t index) { return word.index < index; });
  };
  auto x = from(a);
  auto y = from(b);
  auto z = from(c);
  while (x != a.end() && y != b.end() && z != c.end()) {
    const std::uint32_t index = std::max({x->index, y->index, z->index});
    if (index > (last - 1) / 64) return;
    if (x->index == index && y->index == index && z->index == index) {
      std::uint64_t bits = x->bits & y->bits & z->bits;
      for (; bits != 0; bits &= bits - 1) {
        const std::uint32_t number = index * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        if (number >= last) return;
        if (number >= first && !visit(number)) return;
      }
      ++x;
      continue;
    }
    if (x->index < index) ++x;
    if (y->index < index) ++y;
    if (z->index < index) ++z;
  }
}

Judgement AddressIndex::decide(Ip source, Ip destination, Protocol protocol, std::uint16_t selector,
                               std::optional<Date> on) const {
  const AddressClass& from = classes_[class_of(source)];
  const AddressClass& to = classes_[class_of(destination)];
  const Row& carried = carried_[selectors_[static_cast<std::size_t>(protocol)][selector]];
  Judgement judgement;
  const auto first = [&](std::uint32_t begin, std::uint32_t end) {
    std::optional<std::uint32_t> found;
    each_common(begin, end, from.as_source, to.as_destination, carried, [&](std::uint32_t number) {
      found = number;
      return false;
    });
    return found;
  };

  if (first(0, flows_)) {
    judgement.decision = Decision::InsideDeclared;
    return judgement;
  }
  if (from.place.inside && to.place.inside) {
    if (const auto flow = first(flows_, exceptions_)) {
      judgement.decision = Decision::InsideDeclared;
      judgement.flow = *flow - flows_;
      return judgement;
    }
    const bool both = from.place.cluster && to.place.cluster;
    judgement.decision = both ? Decision::InsideCluster : Decision::InsideUndeclared;
    return judgement;
  }
  if (!from.place.inside) return judgement;
  each_common(exceptions_, end_, from.as_source, to.as_destination, carried, [&](std::uint32_t number) {
    const std::size_t exception = number - exceptions_;
    const bool in_force = on && *on <= expires_[exception];
    if (in_force || !judgement.exception) judgement.exception = exception;
    if (in_force) judgement.decision = Decision::Excepted;
    return !in_force;
  });
  return judgement;
}

// The prefixes that name something, the best last: what holds an address longest wins, so an order by (length, denied,
// earlier) makes the largest index of a piece the answer.
struct AddressLabels::Rows {
  struct Entry {
    Prefix prefix;
    bool denied;
    Label label;
  };

  explicit Rows(const Policy& policy) {
    for (const Catalogue& catalogue : policy.catalogues) {
      for (const CatalogueEntry& entry : catalogue.entries) {
        if (entry.match != CatalogueEntry::Match::Address) continue;
        if (const auto prefix = Prefix::parse(entry.value)) {
          entries.push_back({*prefix, catalogue.denied, {catalogue.name, catalogue.title, entry.label}});
        }
      }
    }
    std::reverse(entries.begin(), entries.end());
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.prefix.length(), a.denied) < std::pair(b.prefix.length(), b.denied);
    });
    for (const Entry& entry : entries) {
      const IpSet set = IpSet::of(entry.prefix);
      v4.push_back(set.v4());
      v6.push_back(set.v6());
    }
  }

  // One more than the index, so that 0 is none.
  static std::uint32_t best(std::span<const std::uint32_t> holding) { return holding.empty() ? 0 : holding.back() + 1; }

  std::vector<Entry> entries;
  std::vector<IntervalSet<std::uint32_t>> v4;
  std::vector<IntervalSet<u128>> v6;
};

AddressLabels::AddressLabels(const Policy& policy) : AddressLabels(Rows(policy)) {}

AddressLabels::AddressLabels(const Rows& rows) : labels_(1), v4_(rows.v4, Rows::best), v6_(rows.v6, Rows::best) {
  for (const Rows::Entry& entry : rows.entries) labels_.push_back(entry.label);
}

Label AddressLabels::of(Ip ip) const { return labels_[ip.is_v4() ? v4_[ip.v4_bits()] : v6_[ip.bits()]]; }

}  // namespace airtight::audit
