// Prints what the auditor's core sees in capture files, in the columns of truth.tsv of the public captures: observe
// POLICY FILE... A line a file: path, packets, read status, outer destinations, DNS names asked, TLS, QUIC and DTLS
// server names, HTTP hosts, CONNECT targets, HTTP/2 authorities, SOCKS names. Sets are sorted and joined by commas.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "auditor/capture/capture_file.h"
#include "auditor/classify/classifier.h"
#include "auditor/decode/packet.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

struct Seen final : NameSink, MarkSink {
  void seen(NameFrom from, std::string_view name, bool) override { names[from].emplace(name); }
  void mark(const Frame&, const Point&, const Mark&) override {}
  std::map<NameFrom, std::set<std::string>> names;
};

std::string joined(const std::set<std::string>& set) {
  std::string text;
  for (const std::string& member : set) text += (text.empty() ? "" : ",") + member;
  return text;
}

std::string status_of(const CaptureFile& file) {
  using Kind = CaptureProblem::Kind;
  std::string status = "ok";
  for (const CaptureProblem& problem : file.problems()) {
    if (problem.kind == Kind::CutShort) status = "cut-short";
    if (problem.kind == Kind::Damaged || problem.kind == Kind::LostSection) return "damaged";
  }
  return status;
}

void observe(const Boundary& boundary, const std::string& path) {
  std::string refused;
  const auto file = CaptureFile::open(path, refused);
  if (!file) {
    std::printf("%s\t0\tunsupported\t\t\t\t\t\t\t\t\n", path.c_str());
    return;
  }
  Seen seen;
  Classifier classifier(boundary, 65'536, seen, seen);
  const Point point;
  std::set<std::string> destinations;
  std::uint64_t packets = 0;
  Frame frame;
  Packet packet;
  while (file->next(frame)) {
    ++packets;
    decode(frame, {}, packet);
    if (packet.level_count != 0) destinations.insert(to_string(packet.outer().destination));
    classifier.see(frame, point, 0);
  }
  classifier.finish();
  auto& names = seen.names;
  names[NameFrom::Tls].merge(names[NameFrom::Dtls]);
  std::printf("%s\t%llu\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", path.c_str(), static_cast<unsigned long long>(packets),
              status_of(*file).c_str(), joined(destinations).c_str(), joined(names[NameFrom::Dns]).c_str(),
              joined(names[NameFrom::Tls]).c_str(), joined(names[NameFrom::Quic]).c_str(),
              joined(names[NameFrom::Http]).c_str(), joined(names[NameFrom::Connect]).c_str(),
              joined(names[NameFrom::Http2]).c_str(), joined(names[NameFrom::Socks]).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: observe POLICY FILE...\n", stderr), 2;
  std::ifstream stream(argv[1], std::ios::binary);
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add(argv[1], std::string(std::istreambuf_iterator<char>(stream), {}));
  const auto policy = parse_compiled_policy(source, sources, diagnostics);
  if (!policy) return std::fputs(render_text(diagnostics, sources, false).c_str(), stderr), 2;
  const Boundary boundary(*policy);
  for (int i = 2; i < argc; ++i) observe(boundary, argv[i]);
}
