// Any bytes as the files of a log, or as a real log with some of its bytes changed: the reader ends, and never takes
// for sealed what the writer did not seal. The other parsers see the same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "auditor/evidence/reader.h"
#include "auditor/evidence/tail.h"
#include "auditor/evidence/tiles.h"
#include "auditor/evidence/writer.h"
#include "tests/auditor/evidence/memory_disk.h"

namespace {

using namespace airtight::audit;

// A log in two epochs, and each of its sealed records by number.
struct RealLog {
  explicit RealLog(std::uint64_t records) {
    TestClock clock;
    const EpochPlan plan{"n1", clock.times.realtime, 3600, 4};
    KeyList keys;
    if (EpochKeys::make(disk, "key-state", plan, keys) || LogWriter::create(disk, "log", keys)) std::abort();
    disk.put("log/enrolment/000", sign_enrolment({plan, keys.root(), keep, {keep}, 0}, trust));
    LogWriter writer(disk, clock, "log", "key-state");
    if (writer.open()) std::abort();
    for (std::uint64_t i = 0; i + 1 < records; ++i) {
      if (writer.append(GapRecord{GapReason::Other, 0, 0, "", i, ""})) std::abort();
      clock.go(i == records / 2 ? 3600 : 10);
    }
    if (writer.close()) std::abort();
    read_log(disk, "log", {trust.verifier(), {}}, [&](const Record& record, Standing standing) {
      if (standing == Standing::Sealed) sealed[record.seq] = to_json(record);
    });
    if (sealed.size() != records) std::abort();
    for (const std::string& path : disk.files())
      if (path.compare(0, 4, "log/") == 0) paths.push_back(path);
  }
  const std::string keep = "sha256:" + std::string(64, '0');
  NoteSigner trust{"example.org/trust", Secret::random()};
  MemoryDisk disk;
  std::map<std::uint64_t, std::string> sealed;
  std::vector<std::string> paths;
};

void read(Disk& disk, const RealLog& real) {
  const LogReading reading =
      read_log(disk, "log", {real.trust.verifier(), {}}, [&](const Record& record, Standing standing) {
        if (standing != Standing::Sealed) return;
        const auto found = real.sealed.find(record.seq);
        if (found == real.sealed.end() || found->second != to_json(record)) std::abort();
      });
  for (const Damage& damage : reading.damages)
    if (to_string(damage).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // Most inputs take the short one: it is read some twenty times as fast. The long one has a full tile.
  static const RealLog small(12), large(300);
  const RealLog& real = data[0] % 16 == 15 ? large : small;
  const std::string text(reinterpret_cast<const char*>(data + 2), size - 2);
  MemoryDisk disk(real.disk);
  const std::string& path = real.paths[data[1] % real.paths.size()];
  if (data[0] % 3 == 0) {
    // The file is these bytes.
    disk.file(path) = text;
  } else if (data[0] % 3 == 1) {
    // Patches: place, place, byte.
    std::string& file = disk.file(path);
    for (std::size_t i = 0; i + 2 < text.size() && !file.empty(); i += 3) {
      const std::size_t at = static_cast<unsigned char>(text[i]) * 256u + static_cast<unsigned char>(text[i + 1]);
      file[at % file.size()] = text[i + 2];
    }
  } else {
    // Files cut, deleted, or put in the place of others.
    for (std::size_t i = 0; i + 2 < text.size(); i += 3) {
      const auto pick = [&](std::size_t k) -> const std::string& {
        return real.paths[static_cast<unsigned char>(text[k]) % real.paths.size()];
      };
      const std::string& target = pick(i);
      if (text[i + 2] == 0)
        disk.erase(target);
      else if (!disk.has(target) || !disk.has(pick(i + 1)))
        continue;
      else if (text[i + 2] % 2 == 0)
        disk.put(target, disk.file(pick(i + 1)));
      else
        disk.file(target).resize(disk.file(target).size() * static_cast<unsigned char>(text[i + 1]) / 256);
    }
  }
  read(disk, real);

  std::string why;
  std::size_t torn = 0;
  if (const auto record = parse_record(text, why); record && to_json(*record) != text) std::abort();
  if (const auto note = parse_note(text)) {
    const auto head = parse_checkpoint(note->text, why);
    if (head && checkpoint_text(*head) != note->text) std::abort();
    read_enrolment_unchecked(text, why);
  }
  if (const auto list = parse_key_list(text, why); list && key_list_text(*list) != text) std::abort();
  if (const auto key = parse_note_key(text); key && to_text(*key) != text) std::abort();
  parse_tail(text, torn);
  return 0;
}
