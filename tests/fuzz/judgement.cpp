// Any capture, judged: classifier and ledger over whatever frames the bytes hold, as uplink and as pod side, with a
// flow table that is soon full. Each packet counts in one class, every mark has an effect that its rule allows for, and
// a capture judged twice says the same.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "auditor/capture/capture_file.h"
#include "auditor/classify/classifier.h"
#include "auditor/finding.h"
#include "tests/emit/sample_policy.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::span<const std::uint8_t> peek(std::size_t wanted) override {
    view_.assign(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, bytes_.size())));
    return view_;
  }
  void consume(std::size_t count) override { bytes_ = bytes_.subspan(count); }
  std::optional<std::string> problem() const override { return std::nullopt; }
  std::string_view compression() const override { return {}; }
  std::string finish() override { return {}; }
  std::uint64_t raw_read() const override { return 0; }
  std::optional<std::uint64_t> raw_size() const override { return std::nullopt; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::vector<std::uint8_t> view_;
};

struct Names final : NameSink {
  void seen(NameFrom, std::string_view name, bool) override {
    if (name.empty()) std::abort();
  }
};

std::string judge(const Boundary& boundary, std::span<const std::uint8_t> bytes) {
  std::string error;
  const auto file = CaptureFile::open(std::make_unique<MemorySource>(bytes), error);
  if (!file) return error;
  const Point points[] = {{audit::Role::Uplink, "eth0", 0}, {audit::Role::PodSide, "veth1", 0}};
  FindingLedger ledger;
  Names names;
  Classifier classifier(boundary, 8, ledger, names);
  Frame frame;
  while (file->next(frame)) classifier.see(frame, points[frame.number % 3 == 0], frame.number % 3 == 0);
  classifier.finish();
  const Counts counts = classifier.counts();
  std::uint64_t counted = 0;
  for (const ClassCount& of : counts.classes) counted += of.packets;
  if (counted != counts.packets) std::abort();
  std::string text = std::to_string(counts.packets) + " " + std::to_string(counts.bytes) + "\n";
  for (const Finding& finding : ledger.take()) {
    text += std::string(info(finding.rule).id) + " " + std::string(to_string(finding.cls)) + " " +
            std::string(to_string(finding.effect)) + " " +
            (finding.has_addresses ? to_string(finding.source) + ">" + to_string(finding.destination) : "") + " " +
            finding.protocol + " " + std::to_string(finding.port) + " " + finding.name + " " + finding.detail + " " +
            std::to_string(finding.packets) + "\n";
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Policy policy = sample_policy();
  static const Boundary boundary(policy);
  if (judge(boundary, {data, size}) != judge(boundary, {data, size})) std::abort();
  return 0;
}
