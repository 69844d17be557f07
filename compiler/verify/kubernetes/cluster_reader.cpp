// Objects in, Cluster out: which reader, which namespace, which of two of one name.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/kinds.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

constexpr const char* kNamespaceName = "kubernetes.io/metadata.name";
constexpr std::string_view kPrimaryNetwork = "k8s.ovn.org/primary-user-defined-network";

// Everything that readers append to. An object's part of each list is what lies between two lengths of it.
constexpr auto kLists = std::make_tuple(
    &Cluster::namespaces, &Cluster::workloads, &Cluster::services, &Cluster::endpoints, &Cluster::ingresses,
    &Cluster::api_server_calls, &Cluster::ingress_calls, &Cluster::roles, &Cluster::role_bindings, &Cluster::policies,
    &Cluster::admission, &Cluster::admission_bindings, &Cluster::remarks, &Cluster::not_understood);
using Lengths = std::array<std::uint32_t, std::tuple_size_v<decltype(kLists)>>;

Lengths lengths(const Cluster& cluster) {
  return std::apply([&](auto... list) { return Lengths{static_cast<std::uint32_t>((cluster.*list).size())...}; },
                    kLists);
}

// Moves `to` - `from` items of the list down to `kept`.
template <class T>
void keep(std::vector<T>& list, std::uint32_t from, std::uint32_t to, std::uint32_t& kept) {
  for (std::uint32_t i = from; i < to; ++i, ++kept) {
    if (i != kept) list[kept] = std::move(list[i]);
  }
}

std::string group_of(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash));
}

}  // namespace

struct ClusterReader::State {
  struct Late {
    Value object;
    ObjectRef ref;
    const KindRow* row;
    std::size_t entry;
  };
  struct Entry {
    Lengths before;
    bool replaced = false;
    Span span;
  };

  const Sources& sources;
  std::string default_namespace;
  bool default_noted;
  Cluster cluster;
  std::vector<Entry> entries;
  std::unordered_map<std::string, std::size_t> by_name;
  std::vector<Late> late;

  std::size_t begin(const ObjectRef& ref, const std::string& identity);
  void dispatch(Value&& object, const ObjectRef& ref, const KindRow* row, std::string_view api_version);
  void drop_replaced();
  void note_doubts();
  void add_namespaces();
  std::string place(Span span) const;
};

void read_namespace(const Value& object, ReaderContext context) {
  Namespace result;
  result.name = context.ref.name;
  result.in_input = true;
  result.span = context.ref.span;
  const Value* labels = field(object, {"metadata", "labels"});
  result.labels.labels = string_members(labels);
  if (labels != nullptr && (!labels->is_map() || result.labels.labels.size() != labels->members.size())) {
    result.labels.complete = false;
    remark(context, Rule::RefusedObject, labels->span, "the API server would refuse it: a label is not a string");
  }
  if (result.labels.labels.contains(std::string(kPrimaryNetwork))) {
    context.cluster.not_understood.push_back({Rule::SecondaryNetwork, result.span, to_string(context.ref),
                                              "the primary network of its pods is user-defined"});
  }
  context.cluster.namespaces.push_back(std::move(result));
}

std::string ClusterReader::State::place(Span span) const {
  if (!span.known()) return "elsewhere";
  return sources.name(span.source) + ":" + std::to_string(sources.position(span.source, span.begin).line);
}

// Notes where the object's parts begin, and that an earlier one of the same name does not count.
std::size_t ClusterReader::State::begin(const ObjectRef& ref, const std::string& identity) {
  const std::size_t index = entries.size();
  entries.push_back({lengths(cluster), false, ref.span});
  if (identity.empty()) return index;
  const auto [found, is_new] = by_name.try_emplace(identity, index);
  if (!is_new) {
    Entry& earlier = entries[found->second];
    earlier.replaced = true;
    cluster.remarks.push_back({Rule::SameNameTwice, ref.span, to_string(ref),
                               "is given twice: this one counts, the one at " + place(earlier.span) + " does not"});
    found->second = index;
  }
  return index;
}

void ClusterReader::State::dispatch(Value&& object, const ObjectRef& ref, const KindRow* row,
                                    std::string_view api_version) {
  const ReaderContext context{sources, cluster, ref};
  const std::string named =
      "kind " + printable(ref.kind) + (api_version.empty() ? "" : " of " + printable(api_version));
  if (row == nullptr) {
    if (has_pod_template(object)) {
      const std::size_t before = cluster.workloads.size();
      read_workload(object, context);
      // Nobody knows what its controller adds.
      if (cluster.workloads.size() > before) cluster.workloads.back().labels.complete = false;
      remark(context, Rule::KindNotUnderstood, ref.span,
             named + " is not known: its pod template is read as a workload");
      return;
    }
    cluster.not_understood.push_back(
        {Rule::KindNotUnderstood, ref.span, to_string(ref), named + " is not known: it may make pods or change reach"});
    return;
  }
  switch (row->treatment) {
    case KindRow::Treatment::Read:
      row->read(object, context);
      break;
    case KindRow::Treatment::Cilium:
    case KindRow::Treatment::Calico:
      late.push_back({std::move(object), ref, row, entries.size() - 1});
      break;
    case KindRow::Treatment::NotUnderstood:
      if (has_pod_template(object)) read_workload(object, context);
      cluster.not_understood.push_back({row->rule, ref.span, to_string(ref), named + ": " + std::string(row->note)});
      break;
    case KindRow::Treatment::Harmless:
    case KindRow::Treatment::NotInCluster:
      break;
  }
}

ClusterReader::ClusterReader(const Sources& sources, std::string default_namespace, bool default_noted)
    : x_(new State{sources, std::move(default_namespace), default_noted, {}, {}, {}, {}}) {}

ClusterReader::~ClusterReader() { delete x_; }

bool ClusterReader::add(Value&& object, std::string_view list_kind) {
  if (!object.is_map()) return false;
  const std::string api_version(text_of(object, "apiVersion"));
  std::string kind(text_of(object, "kind"));
  if (kind.empty() && list_kind.size() > 4 && list_kind.ends_with("List"))
    kind = list_kind.substr(0, list_kind.size() - 4);
  const Value* metadata = field(object, "metadata");
  const bool looks_like_one = metadata != nullptr && metadata->is_map();
  if (kind.empty() ? api_version.empty() || !looks_like_one
                   : api_version.empty() && list_kind.empty() && !looks_like_one) {
    return false;
  }
  const KindRow* row = find_kind(group_of(api_version), kind, !api_version.empty());
  if (row != nullptr && row->treatment == KindRow::Treatment::NotInCluster) return false;
  Cluster& cluster = x_->cluster;
  ++cluster.objects;
  if (kind.ends_with("List") && object.member("items") != nullptr && row == nullptr) return true;  // an empty one

  ObjectRef ref{kind, {}, {}, object.span};
  std::string given;
  if (looks_like_one) {
    const Value* name = field(*metadata, "name");
    if (name != nullptr && name->is_string()) {
      ref.name = name->text;
      ref.span = name->span;
    } else if (const Value* generated = field(*metadata, "generateName"); name == nullptr && generated != nullptr) {
      given = generated->text;
      ref.span = generated->span;
    }
    ref.ns = text_of(*metadata, "namespace");
  }
  const bool has_template = row == nullptr && has_pod_template(object);
  const bool guessed = ref.ns.empty() && (row != nullptr ? row->namespaced : has_template);
  if (row != nullptr && !row->namespaced && row->kind != "*") ref.ns.clear();
  if (guessed) ref.ns = x_->default_namespace;

  const bool is_named = !ref.name.empty();
  if (!is_named) ref.name = given;
  const bool matters = row == nullptr ||
                       (row->treatment != KindRow::Treatment::Harmless && (row->only.empty() || row->only == ref.name));
  if (!matters) return true;
  std::string identity;
  if (is_named && row != nullptr) {
    const std::string_view api = row->treatment == KindRow::Treatment::Calico ? "calico" : "";
    identity.append(api).append("\n").append(kind).append("\n").append(ref.ns).append("\n").append(ref.name);
  }
  x_->begin(ref, identity);
  const ReaderContext context{x_->sources, cluster, ref};
  if (api_version.empty() && list_kind.empty()) {
    remark(context, Rule::RefusedObject, ref.span, "the API server would refuse it: there is no apiVersion");
    return true;
  }
  if (kind.empty()) {
    remark(context, Rule::RefusedObject, ref.span, "the API server would refuse it: there is no kind");
    return true;
  }
  if (ref.name.empty()) {
    const bool is_map = metadata == nullptr || metadata->is_map();
    remark(context, Rule::RefusedObject, ref.span,
           std::string("the API server would refuse it: ") +
               (is_map ? "there is no metadata.name" : "metadata is not a map"));
    if (row != nullptr) return true;
  }
  if (guessed && x_->default_noted) {
    remark(context, Rule::NamespaceGuessed, ref.span, "has no namespace: " + x_->default_namespace + " is taken");
  }
  x_->dispatch(std::move(object), ref, row, api_version);
  return true;
}

void ClusterReader::State::drop_replaced() {
  const Lengths end = lengths(cluster);
  Lengths kept{};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].replaced) continue;
    const Lengths& from = entries[i].before;
    const Lengths& to = i + 1 < entries.size() ? entries[i + 1].before : end;
    std::size_t list = 0;
    std::apply([&](auto... member) { ((keep(cluster.*member, from[list], to[list], kept[list]), ++list), ...); },
               kLists);
  }
  std::size_t list = 0;
  std::apply(
      [&](auto... member) {
        ((cluster.*member).erase((cluster.*member).begin() + kept[list++], (cluster.*member).end()), ...);
      },
      kLists);
}

// What of a policy is in doubt is judged in its worse reading, as a rule is that is not understood.
void ClusterReader::State::note_doubts() {
  for (const PolicyObject& policy : cluster.policies) {
    if (!policy.doubtful || policy.refused) continue;
    Remark doubt{Rule::RuleNotUnderstood, policy.ref.span, to_string(policy.ref), policy.why_doubtful};
    // One object may be several policies, one behind the other.
    const auto& all = cluster.not_understood;
    const bool said = !all.empty() && all.back().object == doubt.object && all.back().message == doubt.message;
    if (!said) cluster.not_understood.push_back(std::move(doubt));
  }
}

// Sorted by name; those that nobody wrote are made, with the one label that every namespace has.
void ClusterReader::State::add_namespaces() {
  std::map<std::string, Namespace> all;
  for (Namespace& ns : cluster.namespaces) all.insert_or_assign(ns.name, std::move(ns));
  const auto add = [&](const auto& list) {
    for (const auto& item : list) {
      if (item.ref.ns.empty() || all.contains(item.ref.ns)) continue;
      Namespace made;
      made.name = item.ref.ns;
      made.labels.complete = false;
      all.emplace(item.ref.ns, std::move(made));
    }
  };
  add(cluster.workloads);
  add(cluster.services);
  add(cluster.endpoints);
  add(cluster.ingresses);
  add(cluster.policies);
  cluster.namespaces.clear();
  for (auto& [name, ns] : all) {
    ns.labels.labels[kNamespaceName] = name;
    cluster.namespaces.push_back(std::move(ns));
  }
}

Cluster ClusterReader::finish() {
  Cluster& cluster = x_->cluster;
  x_->drop_replaced();
  std::vector<std::function<void(Cluster&)>> finishers;
  for (const State::Late& late : x_->late) {
    if (x_->entries[late.entry].replaced) continue;
    const ReaderContext context{x_->sources, cluster, late.ref};
    if (late.row->treatment == KindRow::Treatment::Cilium) {
      read_cilium_policy(late.object, context);
    } else {
      read_calico_object(late.object, context, finishers);
    }
  }
  for (const auto& finish_one : finishers) finish_one(cluster);
  x_->note_doubts();
  x_->add_namespaces();
  fold_pods(cluster);
  bind_roles(cluster);
  bind_admission(cluster);
  std::vector<std::pair<std::string, std::size_t>> order;
  order.reserve(cluster.workloads.size());
  for (std::size_t i = 0; i < cluster.workloads.size(); ++i) order.emplace_back(name_of(cluster.workloads[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<Workload> sorted;
  sorted.reserve(order.size());
  for (const auto& [name, index] : order) sorted.push_back(std::move(cluster.workloads[index]));
  cluster.workloads = std::move(sorted);
  return std::move(cluster);
}

}  // namespace airtight::verify
