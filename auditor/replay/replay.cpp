#include "auditor/replay/replay.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "auditor/capture/merge.h"
#include "auditor/capture/pcapng_writer.h"
#include "auditor/classify/boundary.h"
#include "auditor/replay/workers.h"

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

struct Assigned {
  Role role;
  const char* why;
};

// DESIGN §6: what an interface of a file is taken for.
Assigned assign(const Policy& policy, const ReplayOptions& options, const std::vector<CaptureInterface>& interfaces,
                std::size_t which) {
  const std::string& name = interfaces[which].name;
  if (name.empty()) return {Role::Uplink, "no name in the file: taken for an uplink"};
  if (any_matches(options.pod_side, name)) return {Role::PodSide, "--pod-side"};
  if (any_matches(policy.cluster.uplinks, name)) return {Role::Uplink, "matches uplinks"};
  const bool uplink_beside = std::any_of(interfaces.begin(), interfaces.end(), [&](const CaptureInterface& other) {
    return !other.name.empty() && any_matches(policy.cluster.uplinks, other.name) &&
           !any_matches(options.pod_side, other.name);
  });
  if (uplink_beside) return {Role::PodSide, "beside an uplink in the same file"};
  return {Role::Uplink, "no uplink in the same file: taken for one"};
}

// The points of observation: one for each interface of each file from which a packet came. Interfaces of one name and
// role are one place, whatever file they are in, so that a capture in several files is judged as one.
class Points {
 public:
  Points(const Policy& policy, const ReplayOptions& options, std::size_t files)
      : policy_(policy), options_(options), by_file_(files) {}

  struct Entry {
    Point point;
    std::uint32_t place;
    std::uint32_t interface;
    const char* why;
    std::uint64_t packets;
  };
  Entry& of(std::size_t file, const CaptureFile& capture, std::uint32_t interface) {
    std::vector<Entry*>& known = by_file_[file];
    if (interface >= known.size()) known.resize(interface + 1);
    if (known[interface] != nullptr) return *known[interface];
    const std::string& name = capture.interfaces()[interface].name;
    const Assigned assigned = assign(policy_, options_, capture.interfaces(), interface);
    const auto place =
        places_.emplace(std::pair(assigned.role, name), static_cast<std::uint32_t>(places_.size())).first->second;
    entries_.push_back({{assigned.role, name, static_cast<std::uint32_t>(file)}, place, interface, assigned.why, 0});
    return *(known[interface] = &entries_.back());
  }
  void describe(std::size_t file, const CaptureFile& capture, ReplayedFile& into) const {
    for (const Entry& entry : entries_) {
      if (entry.point.file != file) continue;
      into.interfaces.push_back(
          {entry.point.name, entry.point.role, entry.why, capture.interfaces()[entry.interface].link, entry.packets});
    }
  }

 private:
  const Policy& policy_;
  const ReplayOptions& options_;
  std::deque<Entry> entries_;  // addresses stay
  std::map<std::pair<Role, std::string>, std::uint32_t> places_;
  std::vector<std::vector<Entry*>> by_file_;
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

void assume(const Policy& policy, const Counts& counts, ReplayResult& result) {
  std::vector<std::string>& all = result.assumptions;
  all.push_back("the capture holds what passed its interfaces: a file cannot show what was not captured");
  std::uint64_t taken = 0;
  for (const ReplayedFile& file : result.files)
    for (const ReplayedInterface& interface : file.interfaces)
      taken += interface.why.find("taken for") != std::string::npos;
  if (taken != 0)
    all.push_back(count_of(taken, "interface is", "interfaces are") +
                  " taken for uplinks, since the file does not say that they are none");
  all.push_back("where a file does not say which way a frame went, it counts as sent");
  if (!policy.cluster.pods.empty())
    all.push_back("an address of the pod range stands for each pod: which workload it was, addresses do not tell");
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

}  // namespace

std::optional<ReplayResult> replay(const Policy& policy, const ReplayOptions& options,
                                   std::vector<NotACapture>& refused) {
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
  result.visibility = {application.dns_questions,   application.dns_answers,   application.tls_hellos,
                       application.quic_hellos,     application.http_requests, application.socks_requests,
                       application.encrypted_flows, counts.opaque_packets,     application.midway_flows,
                       application.unread_streams,  counts.fragments,          counts.fragments_given_up};
  conclude(result, left_out);
  assume(policy, counts, result);
  limit(result.visibility, result);
  return result;
}

}  // namespace airtight::audit
