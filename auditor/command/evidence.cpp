// verify: a log recomputed from its files alone. Nothing is fetched, no socket is opened: what is trusted is what the
// command line names.
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/command/command.h"
#include "auditor/command/keys.h"
#include "auditor/evidence/reader.h"
#include "auditor/evidence/text_fields.h"
#include "auditor/wording.h"
#include "cli/terminal.h"

namespace airtight::audit {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxKeyFile = 4096;
constexpr std::size_t kMaxKeyList = 64 << 20;
constexpr std::size_t kShownDamages = 50;  // of a log; JSON has all
constexpr int kTries = 3;                  // of a log that is being written

constexpr const char* kVerifyNotes =
    "A log is whole if every record, hash and seal is the one that was signed. Whether it covers a period, and what "
    "it\n"
    "says of it, is for report. Without --trust the log's keys are taken at the log's own word. --anchor names a copy "
    "of\n"
    "a log's 'checkpoint' that was taken off the node earlier: it bounds how much could have been cut off.\n"
    "Two logs of one origin must extend each other. Records that no seal covers yet are nobody's word: a log of "
    "nothing\n"
    "else is not sealed.\n"
    "Exit codes: 0 whole; 1 damaged, not sealed, or not enrolled by --trust; 2 no log there, or bad usage; 4 I/O "
    "failure.";

// FORMAT.md, "What it cannot find".
constexpr std::array<const char*, 5> kCannotFind = {
    "records cut off, with the checkpoints over them, since the last checkpoint that left the node (--anchor bounds "
    "this)",
    "the whole log put back to an earlier state, unless an anchor is newer",
    "what somebody wrote who owned the node while the agent ran",
    "what no sensor saw: a log is no more true than its writer",
    "old seeds that the node's storage kept in spite of being overwritten"};

struct VerifyLine {
  std::vector<std::string> directories;
  std::string trust;
  std::vector<std::string> anchors;
  std::string format = "text";
};

struct VerifiedLog {
  std::string directory;
  LogReading reading;
  std::optional<std::int64_t> first, last;  // times of records
  bool good() const { return reading.damages.empty() && reading.damages_left_out == 0; }
};

enum class LogVerdict { Whole, NotSealed, NotEnrolled, Damaged };

LogVerdict verdict_of(const VerifiedLog& log) {
  if (log.good()) {
    const auto& seals = log.reading.seals;
    const bool sealed = std::any_of(seals.begin(), seals.end(), [](const Seal& seal) { return seal.good; });
    return sealed || log.reading.records == 0 ? LogVerdict::Whole : LogVerdict::NotSealed;
  }
  const auto& damages = log.reading.damages;
  const bool only_enrolment = log.reading.damages_left_out == 0 &&
                              std::all_of(damages.begin(), damages.end(),
                                          [](const Damage& damage) { return damage.kind == DamageKind::NotEnrolled; });
  return only_enrolment ? LogVerdict::NotEnrolled : LogVerdict::Damaged;
}

std::string_view to_string(LogVerdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"whole", "not sealed", "not enrolled", "damaged"};
  return kNames[static_cast<std::size_t>(verdict)];
}

// "airtight.dev/log/NODE/" of a log's name: whose it is, whatever its keys.
std::string_view node_part(std::string_view origin) { return origin.substr(0, origin.rfind('/') + 1); }

// The anchors of this log's node: where the keys are others', the reader must see them.
std::vector<std::string> anchors_of(Disk& disk, const std::string& directory, const std::vector<std::string>& anchors) {
  std::string text, why;
  if (anchors.empty() || disk.read(directory + "/keys", kMaxKeyList, text)) return anchors;
  const auto keys = parse_key_list(text, why);
  if (!keys) return anchors;
  const std::string origin = keys->origin();
  std::vector<std::string> mine;
  for (const std::string& anchor : anchors)
    if (node_part(std::string_view(anchor).substr(0, anchor.find('\n'))) == node_part(origin)) mine.push_back(anchor);
  return mine;
}

// The heads of the other logs that are no longer than this one of the same keys: it must extend them.
void add_copies(Disk& disk, const std::vector<std::string>& directories, std::size_t which,
                std::vector<std::string>& anchors) {
  struct Head {
    std::string bytes, origin;
    std::uint64_t size = 0;
  };
  const auto head_of = [&](const std::string& directory) {
    Head head;
    std::string why;
    if (disk.read(directory + "/checkpoint", kMaxNote, head.bytes)) return Head();
    const auto note = parse_note(head.bytes);
    const auto checkpoint = note ? parse_checkpoint(note->text, why) : std::nullopt;
    if (!checkpoint) return Head();
    head.origin = note->text.substr(0, note->text.find('\n'));
    head.size = checkpoint->size;
    return head;
  };
  const Head mine = head_of(directories[which]);
  for (std::size_t i = 0; i < directories.size() && !mine.origin.empty(); ++i) {
    const Head other = i == which ? Head() : head_of(directories[i]);
    if (other.origin == mine.origin && other.size <= mine.size) anchors.push_back(other.bytes);
  }
}

// A log may grow while it is read; then what was read of it is of two times, and is no damage.
VerifiedLog verify_log(Disk& disk, const std::string& directory, const ReadOptions& options) {
  const auto head = [&] {
    std::string bytes;
    (void)disk.read(directory + "/checkpoint", kMaxNote, bytes);
    return bytes;
  };
  VerifiedLog log;
  for (int tried = 1;; ++tried) {
    const std::string before = head();
    log = {directory, {}, {}, {}};
    log.reading = read_log(disk, directory, options, [&](const Record& record, Standing) {
      if (!log.first) log.first = record.time;
      log.last = record.time;
    });
    if (log.good() || tried == kTries || head() == before) return log;
  }
}

std::string render(const std::vector<VerifiedLog>& logs, const std::optional<NoteKey>& trust, bool colour) {
  const Ink& pen = ink(colour);
  std::size_t bad = 0;
  std::uint64_t unsealed = 0;
  LogVerdict worst = LogVerdict::Whole;
  for (const VerifiedLog& log : logs) {
    bad += verdict_of(log) == LogVerdict::Whole ? 0U : 1U;
    unsealed += log.reading.unsealed;
    worst = std::max(worst, verdict_of(log));
  }
  std::string out;
  out += std::string(pen.bold) + std::string(bad == 0 ? pen.green : pen.red) + std::string(to_string(worst)) +
         std::string(pen.off);
  out += bad == 0 ? ": " + counted(logs.size(), "log") : ": " + grouped(bad) + " of " + counted(logs.size(), "log");
  if (bad == 0 && unsealed != 0) out += ", but for " + counted(unsealed, "record") + " that no seal covers yet";
  if (!trust) out += ", by its own keys: without --trust nobody says whose they are";
  out += "\n";
  for (const VerifiedLog& log : logs) {
    const LogReading& reading = log.reading;
    const auto line = [&](const char* name, const std::string& value) {
      out += "  " + std::string(name) + std::string(12 - std::string_view(name).size(), ' ') + value + "\n";
    };
    out += "\n" + shown(log.directory, 4096) + ": " + std::string(to_string(verdict_of(log))) + "\n";
    if (reading.plan) {
      line("node", shown(reading.plan->node));
      line("origin", shown(reading.origin, 512));
    }
    std::string enrolled = trust ? (reading.enrolled ? "yes, by " : "no, not by ") + shown(trust->name) : "not asked";
    if (!reading.enrolments.empty()) {
      const auto by_time = [](const Enrolment& a, const Enrolment& b) { return a.signed_at < b.signed_at; };
      const auto [first, last] = std::minmax_element(reading.enrolments.begin(), reading.enrolments.end(), by_time);
      enrolled += ", " + counted(reading.enrolments.size(), "enrolment") + ", signed " + time_text(first->signed_at) +
                  (first->signed_at != last->signed_at ? " to " + time_text(last->signed_at) : "");
    }
    line("enrolled", enrolled);
    if (reading.plan) {
      const EpochPlan& plan = *reading.plan;
      line("keys", counted(plan.count, "epoch") + " of " + counted(plan.length, "second") + ", " +
                       time_text(plan.first) + " to " + time_text(plan.begin(plan.count)));
    }
    std::string records =
        grouped(reading.records - reading.unsealed) + " sealed, " + grouped(reading.unsealed) + " after the last seal";
    if (reading.outside_epoch != 0) records += ", " + grouped(reading.outside_epoch) + " of them outside their epoch";
    if (reading.not_kept != 0) records += "; " + grouped(reading.not_kept) + " not kept";
    line("records", records);
    if (log.first) line("span", time_text(*log.first) + " to " + time_text(*log.last));
    const auto good = static_cast<std::uint64_t>(
        std::count_if(reading.seals.begin(), reading.seals.end(), [](const Seal& seal) { return seal.good; }));
    std::string seals = grouped(good) + " good";
    if (good != reading.seals.size()) seals += ", " + grouped(reading.seals.size() - good) + " not";
    if (!reading.seals.empty()) seals += ", the last over " + counted(reading.size, "record");
    line("seals", seals);
    for (std::size_t i = 0; i < std::min(kShownDamages, reading.damages.size()); ++i)
      out += "  " + std::string(pen.red) + shown(to_string(reading.damages[i]), 4096) + std::string(pen.off) + "\n";
    const std::uint64_t more =
        reading.damages_left_out + (reading.damages.size() - std::min(kShownDamages, reading.damages.size()));
    if (more != 0) out += "  and " + grouped(more) + " more\n";
  }
  out += "\nWhat no verifier can find:\n";
  for (const char* limit : kCannotFind) out += "  " + std::string(limit) + "\n";
  return out;
}

std::string render_json(const std::vector<VerifiedLog>& logs, const std::optional<NoteKey>& trust) {
  const auto time = [](std::optional<std::int64_t> at) { return at ? Json(time_text(*at)) : Json(); };
  Json list = Json::array();
  LogVerdict worst = LogVerdict::Whole;
  for (const VerifiedLog& log : logs) {
    const LogReading& reading = log.reading;
    worst = std::max(worst, verdict_of(log));
    Json one = {{"directory", shown(log.directory, 4096)}, {"verdict", to_string(verdict_of(log))}};
    one["node"] = reading.plan ? Json(shown(reading.plan->node)) : Json();
    one["origin"] = reading.plan ? Json(shown(reading.origin, 512)) : Json();
    one["enrolled"] = trust ? Json(reading.enrolled) : Json();
    one["enrolments"] = Json::array();
    for (const Enrolment& enrolment : reading.enrolments)
      one["enrolments"].push_back({{"signed", time_text(enrolment.signed_at)},
                                   {"inventory", enrolment.inventory_digest},
                                   {"policies", enrolment.policy_digests}});
    one["size"] = reading.size;
    one["records"] = reading.records;
    one["unsealed"] = reading.unsealed;
    one["outside_epoch"] = reading.outside_epoch;
    one["not_kept"] = reading.not_kept;
    one["from"] = time(log.first);
    one["to"] = time(log.last);
    one["seals"] = Json::array();
    for (const Seal& seal : reading.seals)
      one["seals"].push_back({{"file", seal.file},
                              {"good", seal.good},
                              {"seal", seal.checkpoint.seal},
                              {"epoch", seal.checkpoint.epoch},
                              {"size", seal.checkpoint.size},
                              {"time", time_text(seal.checkpoint.time)}});
    one["damages"] = Json::array();
    for (const Damage& damage : reading.damages)
      one["damages"].push_back(
          {{"kind", to_string(damage.kind)}, {"where", shown(damage.where, 4096)}, {"what", shown(damage.what, 4096)}});
    one["damages_left_out"] = reading.damages_left_out;
    list.push_back(std::move(one));
  }
  const Json out = {{"verdict", to_string(worst)},
                    {"trust", trust ? Json(trust->name) : Json()},
                    {"logs", std::move(list)},
                    {"cannot_find", kCannotFind}};
  return out.dump(2) + "\n";
}

int verify(const VerifyLine& line) {
  int code = kDone;
  ReadOptions options;
  if (!line.trust.empty()) {
    auto text = load_text(line.trust, kMaxKeyFile, code);
    if (!text) return code;
    if (!text->empty() && text->back() == '\n') text->pop_back();
    options.trust = parse_note_key(*text);
    const bool secret = text->rfind("PRIVATE+KEY+", 0) == 0;
    wipe(*text);
    if (!options.trust) {
      return failed(kBadInput, line.trust + " is no public key of a trust root",
                    secret ? "it is a private one; the public one lies beside it, in FILE.pub"
                           : "keygen --trust writes one line: NAME+ID+KEY");
    }
  }
  for (const std::string& anchor : line.anchors) {
    auto text = load_text(anchor, kMaxNote, code);
    if (!text) return code;
    options.anchors.push_back(std::move(*text));
  }
  const std::unique_ptr<Disk> disk = real_disk();
  for (const std::string& directory : line.directories)
    if (!is_log(*disk, directory, code)) return code;
  std::vector<VerifiedLog> logs;
  std::set<std::string> used;
  for (const std::string& directory : line.directories) {
    ReadOptions of_this = options;
    of_this.anchors = anchors_of(*disk, directory, options.anchors);
    used.insert(of_this.anchors.begin(), of_this.anchors.end());
    add_copies(*disk, line.directories, static_cast<std::size_t>(&directory - line.directories.data()),
               of_this.anchors);
    logs.push_back(verify_log(*disk, directory, of_this));
  }
  for (std::size_t i = 0; i < line.anchors.size(); ++i)
    if (used.count(options.anchors[i]) == 0)
      return failed(kBadInput, line.anchors[i] + " is a checkpoint of none of these logs' nodes",
                    "an anchor is a copy of the file 'checkpoint' of a log");
  code = printed(line.format == "json" ? render_json(logs, options.trust)
                                       : render(logs, options.trust, colour_wanted(STDOUT_FILENO)));
  if (code != kDone) return code;
  return std::all_of(logs.begin(), logs.end(),
                     [](const VerifiedLog& log) { return verdict_of(log) == LogVerdict::Whole; })
             ? kDone
             : kViolated;
}

}  // namespace

void add_evidence(CLI::App& app, Chosen& chosen) {
  CLI::App* verify_line = app.add_subcommand("verify", "Recompute a node's evidence log from its files, offline");
  auto line = std::make_shared<VerifyLine>();
  verify_line->add_option("DIR", line->directories, "Logs: the directories that run wrote")->required()->type_name("");
  verify_line->add_option("--trust", line->trust, "The public key that must have enrolled their keys")
      ->type_name("FILE");
  verify_line->add_option("--anchor", line->anchors, "A checkpoint that left the node earlier; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verify_line->add_option("--format", line->format, "How the result is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  verify_line->footer(kVerifyNotes);
  verify_line->callback([line, &chosen] { chosen = [line] { return verify(*line); }; });
  add_keys(app, chosen);
}

}  // namespace airtight::audit
