// Any frame, given to the boundary filter and to the classifier: what the filter discards gets no mark and counts as
// the cluster's own; the programs that count are its complement. The first byte says where the frame was seen, the
// second changes an address to one of the cluster, so that frames come past the ranges.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "auditor/capture/boundary_filter.h"
#include "auditor/classify/classifier.h"
#include "tests/emit/sample_policy.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

struct Marks final : MarkSink {
  void mark(const Frame&, const Point&, const Mark&) override { ++count; }
  std::size_t count = 0;
};
struct Names final : NameSink {
  void seen(NameFrom, std::string_view, bool) override {}
};

std::uint64_t in_cluster(const Classifier& classifier) {
  const Counts counts = classifier.counts();
  return counts.classes[static_cast<std::size_t>(Class::InsideCluster)].packets +
         counts.classes[static_cast<std::size_t>(Class::InsideDeclared)].packets;
}

void put_inside(std::vector<std::uint8_t>& frame) {
  constexpr std::uint8_t kPod4[] = {10, 42, 0, 1};
  constexpr std::uint8_t kPod6[] = {0xfd, 0, 0, 0x42};
  if (frame.size() < 54) return;
  if (frame[14] >> 4 == 4) {
    for (const std::size_t at : {26u, 30u})
      std::copy(std::begin(kPod4), std::end(kPod4), frame.begin() + static_cast<long>(at));
  } else {
    for (const std::size_t at : {22u, 38u})
      std::copy(std::begin(kPod6), std::end(kPod6), frame.begin() + static_cast<long>(at));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Policy policy = sample_policy();
  static const Boundary boundary(policy);
  static std::string why;
  static const auto filter = make_boundary_filter(policy, 65'535, why);
  static Marks marks;
  static Names names;
  static Classifier classifier(boundary, 256, marks, names);
  static std::int64_t time = 0;
  if (!filter) std::abort();
  if (size < 2) return 0;

  std::vector<std::uint8_t> bytes(data + 2, data + size);
  if ((data[1] & 1) != 0) put_inside(bytes);
  FilterInput input;
  input.bytes = bytes;
  input.outgoing = (data[0] & 1) != 0;
  input.vlan = (data[0] & 2) != 0;
  const bool kept = run_filter(filter->judge, input) != 0;
  if ((run_filter(filter->discard_all, input) != 0) == kept) std::abort();
  if ((run_filter(filter->discard, input) != 0) != (!kept && input.outgoing)) std::abort();
  if (kept) return 0;
  if (input.vlan) std::abort();

  static const Point points[] = {{audit::Role::Uplink, "eth0", 0}, {audit::Role::PodSide, "cali1", 0}};
  const std::uint32_t place = data[0] >> 2 & 1;
  Frame frame;
  frame.bytes = bytes;
  frame.original = static_cast<std::uint32_t>(bytes.size());
  frame.direction = input.outgoing ? Direction::Transmitted : Direction::Received;
  frame.time = time += 7'200'000'000'000;  // flows before are idle
  if (time > INT64_MAX / 2) time = 0;
  frame.number = 1;
  const std::uint64_t before = in_cluster(classifier);
  const std::size_t marked = marks.count;
  classifier.see(frame, points[place], place);
  if (marks.count != marked || in_cluster(classifier) != before + 1) std::abort();
  return 0;
}
