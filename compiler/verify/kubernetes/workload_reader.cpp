// Pods, and the pod templates of whatever makes pods; and folding the pods of one controller into one.
#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

constexpr std::array<std::string_view, 3> kContainerLists{"containers", "initContainers", "ephemeralContainers"};

// Capabilities with which a container may set up the network or the machine past its own pod.
constexpr std::array<std::string_view, 7> kLooseCapabilities{"ALL",       "BPF",        "NET_ADMIN", "NET_RAW",
                                                             "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO"};

// Who may speak here starts any container on the node. A mount of a directory above is as good.
constexpr std::array<std::string_view, 8> kRuntimeSockets{"/run/containerd/containerd.sock",
                                                          "/run/k3s/containerd/containerd.sock",
                                                          "/run/crio/crio.sock",
                                                          "/run/docker.sock",
                                                          "/run/dockershim.sock",
                                                          "/run/cri-dockerd.sock",
                                                          "/run/podman/podman.sock",
                                                          "/run/docker/containerd/containerd.sock"};

constexpr std::array<std::string_view, 4> kProxyVariables{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY"};

constexpr std::array<std::string_view, 2> kNetworkAnnotations{"k8s.v1.cni.cncf.io/networks",
                                                              "v1.multus-cni.io/default-network"};

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

// Runtimes take "CAP_NET_RAW" and "net_raw" too.
std::string capability(const Value& value) {
  std::string name = upper_case(value.text);
  if (name.starts_with("CAP_")) name.erase(0, 4);
  return name;
}

bool has_capability(const Value& container, std::string_view list, std::string_view name) {
  const Value* capabilities = field(container, {"securityContext", "capabilities"});
  if (capabilities == nullptr) return false;
  const std::span<const Value> items = list_of(*capabilities, list);
  return std::any_of(items.begin(), items.end(), [&](const Value& item) {
    const std::string held = capability(item);
    return held == name || held == "ALL";
  });
}

// "/var//run/../run/" -> "/var/run"; "/" -> "".
std::string plain_path(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    begin = end + 1;
  }
  std::string result;
  for (const std::string_view part : parts) result.append("/").append(part);
  return result;
}

bool reaches_runtime_socket(std::string_view host_path) {
  const std::string path = plain_path(host_path);
  return std::any_of(kRuntimeSockets.begin(), kRuntimeSockets.end(), [&](std::string_view socket) {
    const std::string old = "/var" + std::string(socket);
    return socket == path || old == path || socket.starts_with(path + "/") || old.starts_with(path + "/");
  });
}

class PodReader {
 public:
  PodReader(ReaderContext context, Workload& workload) : context_(context), workload_(workload) {}

  // `pod`: a Pod, or a template: metadata and spec.
  void read(const Value& pod);

 private:
  void read_labels(const Value& pod);
  void read_networks(const Value& pod);
  void read_container(const Value& container);
  void read_ports(const Value& container);
  void read_environment(const Value& container);
  void loosen(std::string what, const Value* at);
  // A flag that is there and no boolean is refused; it is read as set.
  bool flag(const Value& map, std::string_view key);
  void refuse(const Value& at, const std::string& what);

  ReaderContext context_;
  Workload& workload_;
};

void PodReader::loosen(std::string what, const Value* at) {
  workload_.loosenings.push_back({std::move(what), at != nullptr ? at->span : Span()});
}

void PodReader::refuse(const Value& at, const std::string& what) {
  remark(context_, Rule::RefusedObject, at.span, "the API server would refuse it: " + what);
}

bool PodReader::flag(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  if (value == nullptr) return false;
  if (value->kind == Value::Kind::Bool) return value->text == "true";
  refuse(*value, std::string(key) + " is " + quoted(value->text) + ", not a boolean; it is read as true");
  return true;
}

void PodReader::read_labels(const Value& pod) {
  const Value* labels = field(pod, {"metadata", "labels"});
  if (labels == nullptr) return;
  workload_.labels.labels = string_members(labels);
  if (labels->is_map() && workload_.labels.labels.size() == labels->members.size()) return;
  workload_.labels.complete = false;
  refuse(*labels, labels->is_map() ? "a label is not a string" : "metadata.labels is not a map");
}

void PodReader::read_networks(const Value& pod) {
  const Value* annotations = field(pod, {"metadata", "annotations"});
  if (annotations == nullptr) return;
  for (const std::string_view key : kNetworkAnnotations) {
    std::string_view text = text_of(*annotations, key);
    const bool is_list_of_names = text.find('{') == std::string_view::npos;
    while (!text.empty()) {
      const std::size_t end = is_list_of_names ? std::min(text.find(','), text.size()) : text.size();
      std::string_view name = text.substr(0, end);
      while (name.starts_with(' ')) name.remove_prefix(1);
      while (name.ends_with(' ')) name.remove_suffix(1);
      if (!name.empty() && name != "[]") workload_.networks.emplace_back(name);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
}

void PodReader::read_ports(const Value& container) {
  for (const Value& value : list_of(container, "ports")) {
    const Value* number = field(value, "containerPort");
    const std::optional<std::uint16_t> port = number != nullptr ? read_port_number(*number) : std::nullopt;
    const Value* protocol_name = field(value, "protocol");
    const std::optional<Protocol> protocol =
        protocol_name == nullptr ? Protocol::Tcp : read_protocol(protocol_name->text);
    if (!port || !protocol) {
      refuse(value, !port ? "a container port without a number" : "protocol " + quoted(protocol_name->text));
      continue;
    }
    const Value* host = field(value, "hostPort");
    const std::uint16_t host_port = host != nullptr ? read_port_number(*host).value_or(0) : std::uint16_t{0};
    workload_.ports.push_back({std::string(text_of(value, "name")), *protocol, *port, host_port, value.span});
  }
}

void PodReader::read_environment(const Value& container) {
  for (const Value& variable : list_of(container, "env")) {
    const std::string name(text_of(variable, "name"));
    const std::string folded = upper_case(name);
    if (std::find(kProxyVariables.begin(), kProxyVariables.end(), folded) == kProxyVariables.end()) continue;
    if (field(variable, "valueFrom") != nullptr) {
      workload_.relays.push_back(name + "=(taken from another object)");
    } else if (const std::string_view value = text_of(variable, "value"); !value.empty()) {
      workload_.relays.push_back(name + "=" + std::string(value));
    }
  }
}

void PodReader::read_container(const Value& container) {
  const std::string in = " in container " + std::string(text_of(container, "name"));
  static const Value kNone;
  const Value* given = field(container, "securityContext");
  const Value& security = given != nullptr ? *given : kNone;
  const bool privileged = flag(security, "privileged");
  if (privileged) loosen("privileged: true" + in, field(security, "privileged"));
  if (const Value* windows = field(security, "windowsOptions"); windows != nullptr && flag(*windows, "hostProcess")) {
    loosen("hostProcess: true" + in, field(*windows, "hostProcess"));
  }
  if (const Value* capabilities = field(security, "capabilities")) {
    for (const Value& item : list_of(*capabilities, "add")) {
      const std::string name = capability(item);
      const bool loose =
          std::find(kLooseCapabilities.begin(), kLooseCapabilities.end(), name) != kLooseCapabilities.end();
      if (loose) loosen("capability " + name + in, &item);
    }
  }
  const bool adds_raw = has_capability(container, "add", "NET_RAW");
  const bool drops_raw = has_capability(container, "drop", "NET_RAW");
  if (privileged || adds_raw || !drops_raw) workload_.keeps_net_raw = true;
  if (privileged || has_capability(container, "add", "NET_ADMIN")) workload_.keeps_net_admin = true;
  read_ports(container);
  read_environment(container);
}

void PodReader::read(const Value& pod) {
  read_labels(pod);
  read_networks(pod);
  const Value* spec = field(pod, "spec");
  if (spec == nullptr || !spec->is_map()) {
    refuse(pod, "there is no pod spec");
    return;
  }
  workload_.service_account = text_of(*spec, "serviceAccountName");
  if (workload_.service_account.empty()) workload_.service_account = text_of(*spec, "serviceAccount");
  if (workload_.service_account.empty()) workload_.service_account = "default";
  workload_.host_network = flag(*spec, "hostNetwork");
  for (const std::string_view key : {"hostPID", "hostIPC"}) {
    if (flag(*spec, key)) loosen(std::string(key) + ": true", field(*spec, key));
  }
  if (const Value* windows = field(*spec, {"securityContext", "windowsOptions"});
      windows != nullptr && flag(*windows, "hostProcess")) {
    loosen("hostProcess: true", field(*windows, "hostProcess"));
  }
  for (const std::string_view list : kContainerLists) {
    for (const Value& container : list_of(*spec, list)) read_container(container);
  }
  if (list_of(*spec, "containers").empty()) refuse(*spec, "there is no container");
  for (const Value& volume : list_of(*spec, "volumes")) {
    const Value* path = field(volume, {"hostPath", "path"});
    if (path != nullptr && reaches_runtime_socket(path->text)) {
      loosen("hostPath " + printable(path->text) + " reaches a container runtime's socket", path);
    }
  }
}

// Where the template of an object is: nullptr if it has none.
const Value* pod_template(const Value& object) {
  for (const auto& path : {std::initializer_list<std::string_view>{"spec", "template"},
                           std::initializer_list<std::string_view>{"spec", "jobTemplate", "spec", "template"},
                           std::initializer_list<std::string_view>{"template"}}) {
    if (const Value* found = field(object, path)) return found;
  }
  return nullptr;
}

void read_status(const Value& object, Workload& workload) {
  const Value* status = field(object, "status");
  if (status == nullptr) return;
  const auto add = [&](std::string_view text) {
    const std::optional<Ip> ip = Ip::parse(text);
    const bool known =
        ip && std::find(workload.addresses.begin(), workload.addresses.end(), *ip) != workload.addresses.end();
    if (ip && !known) workload.addresses.push_back(*ip);
  };
  add(text_of(*status, "podIP"));
  for (const Value& item : list_of(*status, "podIPs")) add(text_of(item, "ip"));
}

void read_owner(const Value& object, Workload& workload) {
  const Value* metadata = field(object, "metadata");
  if (metadata == nullptr) return;
  for (const Value& owner : list_of(*metadata, "ownerReferences")) {
    if (!is_true(owner, "controller")) continue;
    workload.owner_kind = text_of(owner, "kind");
    workload.owner = text_of(owner, "name");
  }
}

// Labels that a controller sets on the pods that it makes, over those of the template.
struct GivenLabel {
  std::string_view kind;
  const char* key;
};
constexpr std::array kGivenLabels = std::to_array<GivenLabel>({
    {"Deployment", "pod-template-hash"},
    {"Rollout", "rollouts-pod-template-hash"},
    {"DeploymentConfig", "deployment"},
    {"DeploymentConfig", "deploymentconfig"},
    {"StatefulSet", "apps.kubernetes.io/pod-index"},
    {"StatefulSet", "controller-revision-hash"},
    {"StatefulSet", "statefulset.kubernetes.io/pod-name"},
    {"DaemonSet", "controller-revision-hash"},
    {"DaemonSet", "pod-template-generation"},
});
constexpr const char* kCompletionIndex = "batch.kubernetes.io/job-completion-index";

void add_given_labels(Workload& workload) {
  for (const GivenLabel& given : kGivenLabels)
    if (given.kind == workload.ref.kind) workload.labels.unknown_keys.emplace(given.key);
}

// The API server writes them into a Job's template, and refuses one that has others there. `job_name`: null where only
// the server knows it.
void add_job_labels(const Value* spec, const std::string* job_name, Workload& workload) {
  KnownLabels& labels = workload.labels;
  const auto add = [&](const char* key, const std::string* value) {
    if (labels.labels.contains(key)) return;
    if (value != nullptr) {
      labels.labels.emplace(key, *value);
    } else {
      labels.unknown_keys.emplace(key);
    }
  };
  for (const char* key : {"job-name", "batch.kubernetes.io/job-name"}) add(key, job_name);
  for (const char* key : {"controller-uid", "batch.kubernetes.io/controller-uid"}) add(key, nullptr);
  if (spec != nullptr && text_of(*spec, "completionMode") == "Indexed") labels.unknown_keys.emplace(kCompletionIndex);
}

void add_job_labels(const Value& object, Workload& workload) {
  if (workload.ref.kind == "CronJob")
    return add_job_labels(field(object, {"spec", "jobTemplate", "spec"}), nullptr, workload);
  if (workload.ref.kind != "Job") return;
  const Value* spec = field(object, "spec");
  const bool named = field(object, {"metadata", "name"}) != nullptr;
  const bool by_hand = spec != nullptr && field(*spec, "manualSelector") != nullptr;  // the server may leave them out
  add_job_labels(spec, named && !by_hand ? &workload.ref.name : nullptr, workload);
}

auto settings(const ContainerPort& port) { return std::tie(port.name, port.protocol, port.port, port.host_port); }

// Equal in everything but name, place and address.
bool same_settings(const Workload& a, const Workload& b) {
  const auto key = [](const Workload& w) {
    return std::tie(w.labels, w.service_account, w.host_network, w.keeps_net_raw, w.keeps_net_admin, w.networks,
                    w.relays);
  };
  const auto same_port = [](const ContainerPort& x, const ContainerPort& y) { return settings(x) == settings(y); };
  const auto same_loosening = [](const Loosening& x, const Loosening& y) { return x.what == y.what; };
  return key(a) == key(b) && std::equal(a.ports.begin(), a.ports.end(), b.ports.begin(), b.ports.end(), same_port) &&
         std::equal(a.loosenings.begin(), a.loosenings.end(), b.loosenings.begin(), b.loosenings.end(), same_loosening);
}

}  // namespace

bool has_pod_template(const Value& object) {
  const Value* found = pod_template(object);
  const Value* containers = found != nullptr ? field(*found, {"spec", "containers"}) : nullptr;
  return containers != nullptr && containers->is_list();
}

void read_workload(const Value& object, ReaderContext context) {
  Workload workload;
  workload.ref = context.ref;
  const bool is_pod = context.ref.kind == "Pod";
  const Value* pod = is_pod ? &object : pod_template(object);
  if (pod == nullptr) {
    remark(context, Rule::RefusedObject, context.ref.span, "the API server would refuse it: there is no pod template");
    return;
  }
  PodReader(context, workload).read(*pod);
  if (is_pod) {
    read_owner(object, workload);
    read_status(object, workload);
  }
  add_given_labels(workload);
  add_job_labels(object, workload);
  context.cluster.workloads.push_back(std::move(workload));
}

void fold_pods(Cluster& cluster) {
  std::vector<Workload>& all = cluster.workloads;
  const auto key_of = [](std::string_view ns, std::string_view kind, std::string_view name) {
    return std::string(ns).append("\n").append(kind).append("\n").append(name);
  };
  std::unordered_map<std::string, std::vector<std::size_t>> pods_of;
  std::unordered_map<std::string, std::size_t> made;  // objects that are in the input themselves
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Workload& pod = all[i];
    // The kubelet owns its static pods: they have nothing in common.
    if (!pod.owner.empty() && pod.owner_kind != "Node") {
      pods_of[key_of(pod.ref.ns, pod.owner_kind, pod.owner)].push_back(i);
    } else {
      made.emplace(key_of(pod.ref.ns, pod.ref.kind, pod.ref.name), i);
    }
  }
  std::vector<bool> gone(all.size());
  for (const auto& [key, indexes] : pods_of) {
    Workload& first = all[indexes.front()];
    if (std::any_of(indexes.begin(), indexes.end(), [&](std::size_t i) { return !same_settings(first, all[i]); }))
      continue;
    const auto maker = made.find(key);
    const bool into_maker = maker != made.end() && same_settings(all[maker->second], first);
    Workload& kept = into_maker ? all[maker->second] : first;
    for (const std::size_t i : indexes) {
      if (&all[i] == &kept) continue;
      kept.addresses.insert(kept.addresses.end(), all[i].addresses.begin(), all[i].addresses.end());
      gone[i] = true;
    }
    kept.replicas = indexes.size();
    if (maker == made.end()) {  // else the name is taken, by a template that differs
      kept.ref.kind = first.owner_kind.empty() ? "Pod" : first.owner_kind;
      kept.ref.name = first.owner;
    }
  }
  std::size_t count = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (gone[i]) continue;
    if (count != i) all[count] = std::move(all[i]);
    ++count;
  }
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
}

}  // namespace airtight::verify
