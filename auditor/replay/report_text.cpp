#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "auditor/replay/report_wording.h"
#include "auditor/replay/result.h"

namespace airtight::audit {
namespace {

using Side = Columns::Side;

// What is printed of lists that a capture can make as long as it likes; JSON has all.
constexpr std::size_t kDestinations = 20;  // of a group
constexpr std::size_t kSources = 5;        // of a destination
constexpr std::size_t kSights = 5;
constexpr std::size_t kReasons = 20;
constexpr std::size_t kProblems = 20;  // of a file
constexpr std::size_t kNames = 20;
constexpr std::size_t kNameWidth = 60;
constexpr std::size_t kWidth = 120;

// Findings of one rule that lead to one place, whoever sent them.
struct Destination {
  const Finding* first;  // gives the place
  std::uint64_t packets = 0, bytes = 0;
  std::int64_t first_seen = kNoTime, last_seen = kNoTime;
  std::set<std::string> known;       // all senders
  std::vector<std::string> senders;  // "from 10.10.0.7 at uplink eth0", in the order of the findings
  std::vector<const PodSideSight*> sights;
  bool guessed = false;
};

struct Group {
  Rule rule;
  Effect effect;
  std::vector<const Finding*> findings;
};

std::string destination_text(const Finding& finding) {
  return finding.has_addresses ? to_string(finding.destination) : "";
}

std::string service_text(const Finding& finding) {
  if (finding.port < 0) return shown(finding.protocol);
  return std::to_string(finding.port) + (finding.protocol.empty() ? "" : "/" + shown(finding.protocol));
}

std::string sender_text(const Finding& finding) {
  std::string out = finding.has_addresses ? "from " + to_string(finding.source) + " " : "";
  out += "at " + std::string(to_string(finding.role));
  return finding.interface.empty() ? out : out + " " + shown(finding.interface, kNameWidth);
}

class TextReport {
 public:
  TextReport(const ReplayResult& result, bool colour)
      : result_(result), ink_(ink(colour)), files_(file_names(result.files)) {}

  std::string write() && {
    write_heading();
    write_findings();
    write_looked_at();
    write_classes();
    write_names();
    write_visibility();
    write_problems();
    write_list("Assumptions", result_.assumptions);
    write_list("Limits", result_.limits);
    title("Policy");
    line("  " + (result_.policy_name.empty() ? "" : shown(result_.policy_name) + ", ") + shown(result_.policy_digest));
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  void title(std::string_view text) { line("\n" + std::string(ink_.bold) + std::string(text) + std::string(ink_.off)); }
  void table(const Columns& columns, std::string_view indent) {
    for (const std::string& row : columns.rows()) line(std::string(indent) + row);
  }
  std::string inked(Effect effect, std::string_view text) const {
    const std::string_view colours[] = {ink_.bold, ink_.yellow, ink_.red};
    return std::string(colours[static_cast<std::size_t>(effect)]) + std::string(text) + std::string(ink_.off);
  }

  void write_heading() {
    const std::string text = heading(result_);
    const std::size_t length = to_string(result_.verdict).size();
    const std::string_view colours[] = {ink_.green, ink_.red, ink_.yellow};
    line(std::string(colours[static_cast<std::size_t>(result_.verdict)]) + text.substr(0, length) +
         std::string(ink_.off) + text.substr(length));
    const auto listed_only = std::count_if(result_.findings.begin(), result_.findings.end(),
                                           [](const Finding& finding) { return finding.effect == Effect::None; });
    if (result_.verdict == Verdict::Clean && listed_only > 0)
      line(counted(static_cast<std::uint64_t>(listed_only), "finding") +
           " below, of a kind that leaves the verdict alone");
    if (result_.verdict == Verdict::Clean || result_.reasons.empty()) return;
    if (result_.verdict == Verdict::Inconclusive && result_.reasons.size() == 1) return;  // the first line has it
    title("Why it is not clean");
    for (std::size_t i = 0; i < std::min(kReasons, result_.reasons.size()); ++i)
      line("  " + shown(result_.reasons[i], 400));
    if (result_.reasons.size() > kReasons) line("  and " + grouped(result_.reasons.size() - kReasons) + " more");
  }

  void write_findings() {
    std::vector<Group> groups;
    std::map<std::pair<Rule, Effect>, std::size_t> places;
    for (const Finding& finding : result_.findings) {
      const auto [at, created] = places.try_emplace({finding.rule, finding.effect}, groups.size());
      if (created) groups.push_back({finding.rule, finding.effect, {}});
      groups[at->second].findings.push_back(&finding);
    }
    for (const Group& group : groups) write_group(group);
    if (result_.findings_left_out > 0)
      line("\n" + counted(result_.findings_left_out, "more packet") + " of findings beyond the bound of " +
           grouped(kMaxFindings) + " of a kind: only counted");
  }

  void write_group(const Group& group) {
    const RuleInfo& rule = info(group.rule);
    std::uint64_t packets = 0, bytes = 0;
    for (const Finding* finding : group.findings) packets += finding->packets, bytes += finding->bytes;
    line("\n" + inked(group.effect, std::string(to_string(group.effect)) + "[" + std::string(rule.id) + "]") + ": " +
         std::string(ink_.bold) + std::string(rule.title) + std::string(ink_.off) + " (" +
         std::string(to_string(group.findings.front()->cls)) + "), " + counted(packets, "packet") + ", " +
         counted(bytes, "byte"));

    const std::vector<Destination> destinations = destinations_of(group);
    const std::size_t most = std::min(kDestinations, destinations.size());
    Columns columns({Side::Left, Side::Left, Side::Left, Side::Left, Side::Right, Side::Right});
    for (std::size_t i = 0; i < most; ++i) {
      const Destination& row = destinations[i];
      columns.add({destination_text(*row.first), service_text(*row.first), shown(row.first->name, kNameWidth),
                   shown(row.first->catalogue, kNameWidth), counted(row.packets, "packet"),
                   counted(row.bytes, "byte")});
    }
    const std::vector<std::string> rows = columns.rows();
    for (std::size_t i = 0; i < most; ++i) {
      line("  " + rows[i]);
      write_below(destinations[i]);
    }
    if (destinations.size() > most)
      line("  and " + counted(destinations.size() - most, "more destination") + " (--format json has all)");
    write_examples(group, packets);
    if (group.effect != Effect::None) write_wrapped("  help:", "       ", rule.cure);
  }

  void write_below(const Destination& row) {
    line("    " + span_text(row.first_seen, row.last_seen));
    line("    " + listed(row.senders, kSources));
    if (!row.first->detail.empty()) line("    " + shown(row.first->detail));
    if (row.guessed) line("    who opened the connection was not seen: the direction is a guess");
    for (std::size_t i = 0; i < std::min(kSights, row.sights.size()); ++i) {
      const PodSideSight& sight = *row.sights[i];
      line("    seen at the pod side from " + to_string(sight.source) +
           (sight.interface.empty() ? "" : " at " + shown(sight.interface, kNameWidth)) + ", " +
           counted(sight.packets, "packet") + (sight.guessed ? " (joined by time and destination alone)" : ""));
    }
    if (row.sights.size() > kSights) line("    and at " + counted(row.sights.size() - kSights, "more pod-side place"));
  }

  // In the order of the findings; what one row says is equal in all that it adds up.
  static std::vector<Destination> destinations_of(const Group& group) {
    std::vector<Destination> out;
    std::map<std::tuple<bool, Ip, std::string_view, std::int32_t, std::string_view, std::string_view, std::string_view>,
             std::size_t>
        places;
    for (const Finding* finding : group.findings) {
      const Ip destination = finding->has_addresses ? finding->destination : Ip::v4(0);
      const auto [at, created] = places.try_emplace({finding->has_addresses, destination, finding->protocol,
                                                     finding->port, finding->name, finding->catalogue, finding->detail},
                                                    out.size());
      if (created) out.push_back({finding, 0, 0, kNoTime, kNoTime, {}, {}, {}, false});
      Destination& row = out[at->second];
      row.packets += finding->packets;
      row.bytes += finding->bytes;
      row.guessed = row.guessed || finding->guessed_direction;
      if (finding->first_seen != kNoTime && (row.first_seen == kNoTime || finding->first_seen < row.first_seen))
        row.first_seen = finding->first_seen;
      row.last_seen = std::max(row.last_seen, finding->last_seen);  // kNoTime is before every time
      const auto [sender, is_new] = row.known.insert(sender_text(*finding));
      if (is_new) row.senders.push_back(*sender);
      for (const PodSideSight& sight : finding->pod_side) row.sights.push_back(&sight);
    }
    return out;
  }

  // The first of each finding before the second of any, so that one noisy place does not take all the room.
  void write_examples(const Group& group, std::uint64_t packets) {
    std::vector<std::pair<std::size_t, PacketId>> ranked;
    for (const Finding* finding : group.findings)
      for (std::size_t i = 0; i < finding->examples.size(); ++i) ranked.emplace_back(i, finding->examples[i]);
    std::sort(ranked.begin(), ranked.end());
    std::vector<PacketId> examples;
    for (const auto& [rank, example] : ranked) {
      if (examples.size() == kExamples) break;
      if (std::find(examples.begin(), examples.end(), example) == examples.end()) examples.push_back(example);
    }
    if (examples.empty()) return;
    std::sort(examples.begin(), examples.end(), [](const PacketId& a, const PacketId& b) {
      return std::tie(a.file, a.number) < std::tie(b.file, b.number);
    });
    std::string text;
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const PacketId& example = examples[i];
      if (i > 0) text += ", ";
      if (i == 0 || examples[i - 1].file != example.file)
        text += (example.file < files_.size() ? files_[example.file] : "?") + " packet ";
      text += std::to_string(example.number);
    }
    if (packets > examples.size()) text += " and " + grouped(packets - examples.size()) + " more";
    line("  examples: " + text);
  }

  void write_wrapped(std::string_view first, std::string_view rest, std::string_view text) {
    std::string row(first);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      if (row.size() + 1 + (end - at) > kWidth) line(std::exchange(row, std::string(rest)));
      row += " " + std::string(text.substr(at, end - at));
      at = end + 1;
    }
    line(row);
  }

  void write_looked_at() {
    title("Looked at");
    line("  " + counted(result_.packets, "packet") + ", " + counted(result_.bytes, "byte") + ", " +
         span_text(result_.first, result_.last));
    line("  IPv4 " + grouped(result_.ipv4) + ", IPv6 " + grouped(result_.ipv6) + ", ARP " + grouped(result_.arp) +
         ", other " + grouped(result_.other) + "; not decoded " + grouped(result_.undecoded));
    line("  " + counted(result_.flows, "flow") + ", " + grouped(result_.flows_evicted) +
         " of them evicted when idle, " + counted(result_.untracked, "packet") + " without a place in the table");
    for (std::size_t i = 0; i < result_.files.size(); ++i) {
      const ReplayedFile& file = result_.files[i];
      line("  " + shown(file.path, 400) + ": " + shown(file.format) + ", " + counted(file.packets, "packet") + ", " +
           counted(file.bytes, "byte"));
      line("    sha256:" + shown(file.sha256));
      Columns columns({Side::Left, Side::Left, Side::Left, Side::Right});
      for (const ReplayedInterface& interface : file.interfaces)
        columns.add(
            {interface.name.empty() ? "(no name)" : shown(interface.name, kNameWidth),
             std::string(to_string(interface.role)) + (interface.why.empty() ? "" : ", " + shown(interface.why)),
             name_of(interface.link), counted(interface.packets, "packet")});
      table(columns, "    ");
    }
  }

  void write_classes() {
    Columns columns({Side::Left, Side::Right, Side::Right, Side::Right});
    bool any = false;
    for (std::size_t i = 0; i < kClassCount; ++i) {
      const ClassCount& count = result_.classes[i];
      if (count.packets == 0 && count.bytes == 0 && count.flows == 0) continue;
      any = true;
      columns.add({std::string(to_string(static_cast<Class>(i))), counted(count.packets, "packet"),
                   counted(count.bytes, "byte"), counted(count.flows, "flow")});
    }
    if (!any) return;
    title("Classes");
    table(columns, "  ");
  }

  void write_names() {
    if (result_.names.empty()) return;
    using Row = std::pair<const std::string, SeenName>;
    std::vector<const Row*> rows;
    for (const Row& row : result_.names) rows.push_back(&row);
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Row* a, const Row* b) { return a->second.times > b->second.times; });
    const std::uint64_t all = rows.size() + result_.names_left_out;
    title("Names seen: " + grouped(all));
    Columns columns({Side::Left, Side::Left, Side::Right});
    for (std::size_t i = 0; i < std::min(kNames, rows.size()); ++i)
      columns.add({rows[i]->first.empty() ? "." : shown(rows[i]->first, kNameWidth),
                   rows[i]->second.inside ? "inside" : "outside", counted(rows[i]->second.times, "time")});
    table(columns, "  ");
    if (all > kNames) line("  and " + grouped(all - std::min(kNames, rows.size())) + " more");
  }

  void write_visibility() {
    const Visibility& seen = result_.visibility;
    title("What could be seen of names, and what not");
    line("  read: " + counted(seen.dns_questions, "DNS question") + ", " + counted(seen.dns_answers, "DNS answer") +
         ", " + counted(seen.tls_hellos, "TLS hello") + ", " + counted(seen.quic_hellos, "QUIC hello") + ", " +
         counted(seen.http_requests, "HTTP request") + ", " + counted(seen.socks_requests, "SOCKS request"));
    const std::pair<std::uint64_t, std::string_view> rows[] = {
        {seen.encrypted_flows, "encrypted flow|: the payload was not seen"},
        {seen.opaque_packets, "packet| of opaque tunnels: what they carry was not seen"},
        {seen.midway_flows, "TCP flow| whose beginning is not in the files: no name was seen"},
        {seen.unknown_flows, "TCP flow| of a protocol that is not read: no name was seen, but for a TLS hello"},
        {seen.unread_streams, "stream| that there was no room to look at"},
        {seen.fragments, "fragment|"},
        {seen.fragments_given_up, "datagram| that never became whole"},
    };
    for (const auto& [number, text] : rows) {
      if (number == 0) continue;
      const std::size_t bar = text.find('|');
      line("  " + counted(number, text.substr(0, bar)) + std::string(text.substr(bar + 1)));
    }
  }

  void write_problems() {
    bool any = false;
    for (std::size_t i = 0; i < result_.files.size(); ++i) {
      const std::vector<CaptureProblem>& problems = result_.files[i].problems;
      if (problems.empty()) continue;
      if (!std::exchange(any, true)) title("Problems of the files");
      for (std::size_t k = 0; k < std::min(kProblems, problems.size()); ++k)
        line("  " + files_[i] + ": " + std::string(to_string(problems[k].kind)) + ": " + shown(problems[k].what, 400) +
             " (" + counted(problems[k].after_packet, "packet") + " read before)");
      if (problems.size() > kProblems)
        line("  " + files_[i] + ": and " + counted(problems.size() - kProblems, "more problem"));
    }
  }

  void write_list(std::string_view name, const std::vector<std::string>& entries) {
    if (entries.empty()) return;
    title(name);
    for (const std::string& entry : entries) line("  " + shown(entry, 1000));
  }

  const ReplayResult& result_;
  const Ink& ink_;
  std::vector<std::string> files_;
  std::string out_;
};

}  // namespace

std::string render_text(const ReplayResult& result, bool colour) { return TextReport(result, colour).write(); }

}  // namespace airtight::audit
