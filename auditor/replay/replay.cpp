#include "auditor/replay/replay.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <compare>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "auditor/capture/merge.h"
#include "auditor/capture/pcapng_writer.h"
#include "auditor/classify/boundary.h"
#include "auditor/replay/workers.h"
#include "compiler/policy/compiled_policy.h"  // printable()

namespace airtight::audit {

namespace {

constexpr std::uint64_t kProgressEvery = 1u << 16;  // packets

// Device name patterns: literal, or with a final '*'.
bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.empty() && pattern.back() == '*')
    return name.substr(0, pattern.size() - 1) == pattern.substr(0, pattern.size() - 1);
  return pattern == name;
}
bool any_matches(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

constexpr const char* kNoUplink = "no uplink in the same file: taken for one";
constexpr const char* kBesideUplink = "beside an uplink in the same file";

// The points of observation: one for each interface of each file from which a packet came. Interfaces of one name and
// role are one place, whatever file they are in, so that a capture in several files is judged as one.
class Points {
 public:
  Points(const Policy& policy, const ReplayOptions& options, std::size_t files)
      : policy_(policy), options_(options), files_(files) {}

  struct Entry {
    Point point;
    std::uint32_t place;
    std::uint32_t interface;
    const char* why;
    std::uint64_t packets;
  };
  Entry& of(std::size_t file, const CaptureFile& capture, std::uint32_t interface) {
    File& at = files_[file];
    if (interface >= at.known.size()) at.known.resize(interface + 1);
    if (at.known[interface] != nullptr) return *at.known[interface];
    look_for_uplink(at, capture);
    const bool room = places_.size() + 1 < kMaxPlaces;
    // More names than places: the rest is one uplink without a name.
    const std::string name = room ? capture.interfaces()[interface].name : std::string();
    const Assigned assigned = assign(name, at.has_uplink);
    const auto place =
        places_.emplace(std::pair(assigned.role, name), static_cast<std::uint32_t>(places_.size())).first->second;
    entries_.push_back({{assigned.role, name, static_cast<std::uint32_t>(file)}, place, interface, assigned.why, 0});
    at.in_order.push_back(&entries_.back());
    return *(at.known[interface] = &entries_.back());
  }
  void describe(std::size_t file, const CaptureFile& capture, ReplayedFile& into) {
    File& at = files_[file];
    look_for_uplink(at, capture);
    for (const Entry* entry : at.in_order) {
      into.interfaces.push_back({entry->point.name, entry->point.role, entry->why,
                                 capture.interfaces()[entry->interface].link, entry->packets});
      late_ += at.has_uplink && entry->why == kNoUplink;
    }
  }
  // Interfaces that were taken for uplinks before one came to light in the same file; complete when all are described.
  std::uint64_t late() const { return late_; }

 private:
  struct Assigned {
    Role role;
    const char* why;
  };
  struct File {
    std::vector<Entry*> known;     // by interface
    std::vector<Entry*> in_order;  // of their first packets
    std::size_t looked_at = 0;     // interfaces
    bool has_uplink = false;
  };
  bool matches_uplink(const std::string& name) const {
    return !name.empty() && any_matches(policy_.cluster.uplinks, name);
  }
  void look_for_uplink(File& at, const CaptureFile& capture) const {
    const std::vector<CaptureInterface>& all = capture.interfaces();
    for (; at.looked_at < all.size() && !at.has_uplink; ++at.looked_at)
      at.has_uplink = matches_uplink(all[at.looked_at].name);
  }
  // DESIGN §6: what an interface of a file is taken for.
  Assigned assign(const std::string& name, bool uplink_in_file) const {
    if (name.empty()) return {Role::Uplink, "no name in the file: taken for an uplink"};
    if (matches_uplink(name))
      return {Role::Uplink, "matches uplinks"};  // whatever --pod-side says: the policy's word counts
    if (any_matches(options_.pod_side, name)) return {Role::PodSide, "--pod-side"};
    if (uplink_in_file) return {Role::PodSide, kBesideUplink};
    return {Role::Uplink, kNoUplink};
  }

  const Policy& policy_;
  const ReplayOptions& options_;
  std::deque<Entry> entries_;  // addresses stay
  std::map<std::pair<Role, std::string>, std::uint32_t> places_;
  std::vector<File> files_;
  std::uint64_t late_ = 0;
};

std::string count_of(std::uint64_t number, std::string_view singular, std::string_view plural) {
  return std::to_string(number) + " " + std::string(number == 1 ? singular : plural);
}

// Why the verdict is not clean, the worst first; the verdict with it.
void conclude(ReplayResult& result, const std::array<std::uint64_t, 3>& left_out) {
  const auto worse = [&](Verdict verdict) {
    if (verdict == Verdict::Violated || result.verdict == Verdict::Clean) result.verdict = verdict;
  };
  for (const Effect effect : {Effect::Violated, Effect::Inconclusive}) {
    const Verdict verdict = effect == Effect::Violated ? Verdict::Violated : Verdict::Inconclusive;
    for (const RuleInfo& rule : rule_table()) {
      std::uint64_t packets = 0;
      std::uint64_t findings = 0;
      for (const Finding& finding : result.findings) {
        if (finding.effect != effect || finding.rule != rule.rule) continue;
        packets += std::max<std::uint64_t>(finding.packets, 1);
        ++findings;
      }
      if (findings == 0) continue;
      worse(verdict);
      result.reasons.push_back(std::string(rule.id) + " " + std::string(rule.title) + ": " +
                               count_of(packets, "packet", "packets") + ", " +
                               count_of(findings, "finding", "findings"));
    }
    if (const std::uint64_t more = left_out[static_cast<std::size_t>(effect)]; more != 0) {
      worse(verdict);
      result.reasons.push_back(count_of(more, "mark", "marks") + " more, " + std::string(to_string(effect)) +
                               ", found no place in the list");
    }
  }
  for (const ReplayedFile& file : result.files) {
    for (const CaptureProblem& problem : file.problems) {
      worse(Verdict::Inconclusive);
      result.reasons.push_back(file.path + ": " + std::string(to_string(problem.kind)) + ": " + problem.what);
    }
  }
  if (result.untracked != 0) {
    worse(Verdict::Inconclusive);
    result.reasons.push_back("the flow table was full: " + count_of(result.untracked, "packet", "packets") +
                             " could not be put into a flow");
  }
  if (result.packets == 0) {
    worse(Verdict::Inconclusive);
    result.reasons.push_back("there is no packet in the input: nothing was looked at");
  }
}

void assume(const Policy& policy, const Counts& counts, std::uint64_t late, ReplayResult& result) {
  std::vector<std::string>& all = result.assumptions;
  all.push_back("the capture holds what passed its interfaces: a file cannot show what was not captured");
  std::uint64_t taken = 0;
  for (const ReplayedFile& file : result.files)
    for (const ReplayedInterface& interface : file.interfaces)
      taken += interface.why.find("taken for") != std::string::npos;
  if (taken != 0)
    all.push_back(count_of(taken, "interface is", "interfaces are") +
                  " taken for uplinks, since the file does not say that they are none");
  if (late != 0) {
    all.push_back(count_of(late, "interface was judged as an uplink", "interfaces were judged as uplinks") +
                  ", for want of one in the same file: one was described there only later");
  }
  all.push_back("where a file does not say which way a frame went, it counts as sent");
  if (!policy.cluster.pods.empty())
    all.push_back("an address of the pod range stands for each pod: which workload it was, addresses do not tell");
  std::uint64_t beside = 0;
  for (const ReplayedFile& file : result.files) {
    for (const ReplayedInterface& interface : file.interfaces) {
      beside += interface.why == kBesideUplink && !any_matches(policy.cluster.pod_side, interface.name) &&
                !any_matches(policy.cluster.overlays, interface.name);
    }
  }
  if (beside != 0) {
    all.push_back(count_of(beside, "interface is", "interfaces are") +
                  " taken for pod side beside an uplink, by a name that the policy does not know");
  }
  if (counts.excepted_by_nodes)
    all.push_back("the node addresses that used an exception of nodes did not stand for pods");
  if (counts.excepted_by_pods) all.push_back("the pods that used an exception are the ones that it names");
  if (counts.opaque_packets != 0) all.push_back("what opaque packets between declared peers carry stays inside");
}

void limit(const Visibility& seen, ReplayResult& result) {
  std::vector<std::string>& all = result.limits;
  all.push_back(
      "this is about the packets in the files alone: it proves nothing about a period, or about what was not captured");
  const auto when = [&](std::uint64_t number, std::string_view singular, std::string_view plural,
                        std::string_view what) {
    if (number != 0) all.push_back(count_of(number, singular, plural) + std::string(what));
  };
  when(seen.encrypted_flows, "flow is", "flows are",
       " encrypted: of what they carry only the names in their handshakes were seen");
  when(seen.opaque_packets, "packet is", "packets are", " opaque: what they carry was not seen");
  when(seen.midway_flows, "connection begins", "connections begin",
       " before the capture: names at their beginning were not seen");
  when(seen.unknown_flows, "connection speaks", "connections speak",
       " a protocol that is not read: names in it were not seen, but for a TLS hello");
  when(seen.unread_streams, "connection was", "connections were", " not looked into for names: there was no room");
  when(seen.fragments_given_up, "fragmented datagram was", "fragmented datagrams were",
       " never whole: judged by addresses, names in them were not seen");
  all.push_back("names hidden by ECH, and covert channels through inside relays, are not seen");
  all.push_back(
      "management controllers, sideband network cards, removable media and other guests of a hypervisor are not seen");
}

std::unique_ptr<CaptureFile> open_or_refuse(const std::string& path, std::vector<NotACapture>& refused) {
  std::string why;
  std::unique_ptr<CaptureFile> file;
  try {
    file = CaptureFile::open(path, why);
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), path);
  }
  if (!file) refused.push_back({path, why});
  return file;
}

std::string name_of(const std::string& path) { return path == "-" ? "standard input" : path; }

// The file behind a path, under whatever names it has.
struct Identity {
  dev_t device;
  ino_t inode;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};
std::optional<Identity> identity_of(const std::string& path) {
  struct stat status {};
  if ((path == "-" ? ::fstat(STDIN_FILENO, &status) : ::stat(path.c_str(), &status)) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

// What is not there yet clashes with nothing, and what cannot be looked at cannot be opened either.
void refuse_clashes(const ReplayOptions& options) {
  std::map<Identity, std::string> inputs;
  for (const std::string& path : options.files) {
    if (path == "-" && options.policy == "-") {
      throw FilesClash("standard input is given twice: as the policy and as a capture", "give one of them by its path");
    }
    const auto identity = identity_of(path);
    if (!identity) continue;
    const auto [before, fresh] = inputs.emplace(*identity, path);
    if (fresh) continue;
    const bool alike = before->second == path;
    throw FilesClash(name_of(path) + " is given twice" + (alike ? "" : ": it is the same file as " + before->second),
                     "its packets would count twice: name each capture once");
  }
  if (options.write_findings.empty()) return;
  const auto target = identity_of(options.write_findings == "-" ? "./-" : options.write_findings);
  if (!target) return;
  const char* help = "nothing was read or written; name another file for the findings";
  if (const auto found = inputs.find(*target); found != inputs.end()) {
    throw FilesClash("--write-findings " + options.write_findings + " would replace the capture " +
                         name_of(found->second) + ", which is the evidence",
                     help);
  }
  if (!options.policy.empty() && identity_of(options.policy) == target) {
    throw FilesClash(
        "--write-findings " + options.write_findings + " would replace the policy " + name_of(options.policy), help);
  }
}

// A pattern of --pod-side that does nothing is most likely misspelt; on an uplink it does not count.
void note_idle_patterns(const Policy& policy, const ReplayOptions& options, Merge& merge, ReplayResult& result) {
  constexpr std::size_t kShown = 12;
  std::set<std::string> names;
  for (std::size_t i = 0; i < merge.size() && !options.pod_side.empty(); ++i)
    for (const CaptureInterface& interface : merge.file(i).interfaces())
      if (!interface.name.empty()) names.insert(interface.name);
  for (const std::string& name : names) {
    if (any_matches(options.pod_side, name) && any_matches(policy.cluster.uplinks, name))
      result.notes.push_back("--pod-side does not count for " + printable(name) + ": the policy names it an uplink");
  }
  for (const std::string& pattern : options.pod_side) {
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return matches(pattern, name); }))
      continue;
    std::string list;
    std::size_t shown = 0;
    for (const std::string& name : names) {
      if (++shown > kShown) break;
      list += (list.empty() ? "" : ", ") + printable(name);
    }
    if (names.size() > kShown) list += " and " + std::to_string(names.size() - kShown) + " more";
    result.notes.push_back("--pod-side " + pattern + " names no interface of these files; " +
                           (names.empty() ? "they give none a name" : "they have: " + list));
  }
}

}  // namespace

std::optional<ReplayResult> replay(const Policy& policy, const ReplayOptions& options,
                                   std::vector<NotACapture>& refused) {
  refuse_clashes(options);
  std::vector<std::unique_ptr<CaptureFile>> files;
  for (const std::string& path : options.files) {
    if (auto file = open_or_refuse(path, refused)) files.push_back(std::move(file));
  }
  if (!refused.empty()) return std::nullopt;
  const std::size_t count = files.size();
  std::uint64_t total = 0;
  bool total_known = true;
  for (const auto& file : files) {
    const auto size = file->source().raw_size();
    total_known &= size.has_value();
    total += size.value_or(0);
  }

  ReplayResult result;
  result.policy_digest = policy_digest(policy);
  result.policy_name = policy.name;
  result.files.resize(count);
  const Boundary boundary(policy);
  Points points(policy, options, count);
  Merge merge(std::move(files));

  std::unique_ptr<PcapngWriter> writer;
  Workers::Marked marked;
  if (!options.write_findings.empty()) {
    writer = std::make_unique<PcapngWriter>(options.write_findings, options.application);
    marked = [&](const Frame& frame, const Point& point, const RuleInfo& worst) {
      const std::string comment = std::string(worst.id) + " " + std::string(worst.title);
      const CaptureInterface& interface = merge.file(point.file).interfaces()[frame.interface];
      if (const std::error_code failed = writer->write(point.file, interface, frame, comment))
        throw std::system_error(failed, options.write_findings);
    };
  }
  Workers workers(boundary, options.flows, options.threads, marked);

  Frame frame;
  std::size_t file = 0;
  std::uint64_t read = 0;
  while (merge.next(frame, file)) {
    Points::Entry& seen = points.of(file, merge.file(file), frame.interface);
    ++seen.packets;
    ReplayedFile& of = result.files[file];
    ++of.packets;
    of.bytes += frame.original;
    if (frame.time != kNoTime) {
      if (result.first == kNoTime || frame.time < result.first) result.first = frame.time;
      if (result.last == kNoTime || frame.time > result.last) result.last = frame.time;
    }
    workers.see(frame, seen.point, seen.place);
    if (++read % kProgressEvery == 0 && options.progress) {
      std::uint64_t bytes = 0;
      for (std::size_t i = 0; i < count; ++i) bytes += merge.file(i).source().raw_read();
      options.progress(read, bytes, total_known ? std::optional(total) : std::nullopt);
    }
  }
  Tally tally = workers.finish();
  if (writer) {
    if (const std::error_code failed = writer->finish()) throw std::system_error(failed, options.write_findings);
  }

  for (std::size_t i = 0; i < count; ++i) {
    ReplayedFile& of = result.files[i];
    of.path = options.files[i];
    of.format = merge.file(i).format();
    of.sha256 = merge.file(i).source().finish();
    of.problems = merge.file(i).problems();
    points.describe(i, merge.file(i), of);
  }
  note_idle_patterns(policy, options, merge, result);
  const Counts& counts = tally.counts;
  result.packets = counts.packets;
  result.bytes = counts.bytes;
  result.undecoded = counts.undecoded;
  result.ipv4 = counts.ipv4;
  result.ipv6 = counts.ipv6;
  result.arp = counts.arp;
  result.other = counts.other;
  result.flows = counts.flows.created;
  result.flows_evicted = counts.flows.evicted;
  result.untracked = counts.flows.untracked;
  result.classes = counts.classes;
  result.findings = tally.findings.take();
  const std::array<std::uint64_t, 3>& left_out = tally.findings.left_out();
  result.findings_left_out = left_out[0] + left_out[1] + left_out[2];
  for (std::uint64_t used = counts.exceptions; used != 0; used &= used - 1) ++result.exceptions_used;
  for (const auto& [name, seen] : tally.names.names()) result.names.emplace(name, seen);
  result.names_left_out = tally.names.left_out();
  const ApplicationCounts& application = counts.application;
  result.visibility = {application.dns_questions,   application.dns_answers,    application.tls_hellos,
                       application.quic_hellos,     application.http_requests,  application.socks_requests,
                       application.encrypted_flows, counts.opaque_packets,      application.midway_flows,
                       application.unknown_flows,   application.unread_streams, counts.fragments,
                       counts.fragments_given_up};
  conclude(result, left_out);
  assume(policy, counts, points.late(), result);

  limit(result.visibility, result);
  return result;
}

}  // namespace airtight::audit
