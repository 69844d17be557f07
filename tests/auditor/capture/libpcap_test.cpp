// Over captures by others: packet for packet what libpcap reads, and in numbers what tshark says (truth.tsv). Every
// difference is in a table below, with its reason.
#include <pcap/pcap.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(AIRTIGHT_SOURCE_DIR) / "../shared/corpus/captures";

bool have_corpus() {
  if (fs::is_directory(kCorpus)) return true;
  WARN("SKIPPED: there is no ../shared/corpus/captures beside the sources");
  return false;
}

// Where libpcap stops or refuses, and we read on: its own words.
constexpr const char* kOtherLink = "an interface has a type 0 different from the type of the first interface";
const std::map<std::string, std::string> kLibpcapReadsLess = {
    // It gives one link type and one snap length for a whole file; ours come with each frame.
    {"PcapPlusPlus/many_interfaces-1.pcapng", kOtherLink},
    {"pcapng-test-generator/test100-le.pcapng", kOtherLink},
    {"pcapng-test-generator/test102-be.pcapng", kOtherLink},
    {"pcapng-test-generator/test201-be.pcapng", kOtherLink},
    {"pcapng-test-generator/test202-le.pcapng", kOtherLink},
    {"pcapng-test-generator/test200-le.pcapng",
     "an interface has a snapshot length 0 different from the snapshot length of the first interface"},
    {"PcapPlusPlus/too_many_interfaces.pcapng",
     "an interface has a snapshot length 8192 different from the snapshot length of the first interface"},
    // It does not unpack.
    {"scapy/psp_v4_cleartext.pcap.gz", "unknown file format"},
};
// Where a value of a packet is not what libpcap says.
const std::map<std::string, std::string> kLibpcapDiffers = {
    // Fuzzed time stamps. Seconds and fraction are unsigned by the draft (and in libpcap after 1.10); 1.10 takes both
    // for signed.
    {"PcapPlusPlus/clusterfuzz-5188876846235648.pcap",
     "packet 1: time 3556769836151491000, libpcap -738197459848509000"},
    {"PcapPlusPlus/clusterfuzz-5781142119907328.pcap", "packet 1: time 2614359616000, libpcap -1680607680000"},
    // The snap length is 1 and 8 bytes are there. libpcap cuts them off; we keep what may name a destination, and say
    // that the record is odd.
    {"zeek/trunc-hdr.pcap", "packet 1: 8 bytes, libpcap 1"},
};
// Where tshark counts or judges otherwise: ours, then tshark's.
const std::map<std::string, std::string> kTsharkDiffers = {
    // tshark reads snoop; we refuse it by name.
    {"PcapPlusPlus/solaris.snoop", "0 unsupported for 250 ok"},
    // tshark refuses link type 284 with the file; we hand the 8 frames on, and the decoder says that it does not know
    // the link type.
    {"tcpdump/dsa.pcap", "8 ok for 0 unsupported"},
};

struct LibpcapReading {
  std::string error;
  int link = 0;
  std::vector<Seen> packets;
};

LibpcapReading read_with_libpcap(const std::string& path) {
  LibpcapReading reading;
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* capture = pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error);
  if (capture == nullptr) {
    reading.error = error;
    return reading;
  }
  reading.link = pcap_datalink(capture);
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  int result = 0;
  while ((result = pcap_next_ex(capture, &header, &bytes)) == 1) {
    Seen packet;
    packet.bytes.assign(reinterpret_cast<const char*>(bytes), header->caplen);
    packet.original = header->len;
    packet.time = std::int64_t{header->ts.tv_sec} * 1'000'000'000 + header->ts.tv_usec;
    reading.packets.push_back(std::move(packet));
  }
  if (result == PCAP_ERROR) reading.error = pcap_geterr(capture);
  pcap_close(capture);
  return reading;
}

// Some link types have another number inside of libpcap than in files; pcap_datalink() gives the inner one.
bool same_link(LinkType ours, int theirs) {
  const auto number = static_cast<int>(ours);
  switch (ours) {
    case LinkType::Raw:
      return theirs == DLT_RAW;
    case LinkType::RawBsd:
      return theirs == DLT_RAW || theirs == number;
    default:
      return theirs == number;
  }
}

// The first packet that differs, in words; empty if all those that libpcap read are the same.
std::string difference(const Reading& ours, const LibpcapReading& theirs) {
  for (std::size_t i = 0; i < theirs.packets.size(); ++i) {
    const std::string place = "packet " + std::to_string(i + 1) + ": ";
    if (i >= ours.packets.size()) return place + "not read";
    const Seen &a = ours.packets[i], &b = theirs.packets[i];
    if (a.bytes != b.bytes)
      return place + std::to_string(a.bytes.size()) + " bytes, libpcap " + std::to_string(b.bytes.size());
    if (a.original != b.original)
      return place + "original " + std::to_string(a.original) + ", libpcap " + std::to_string(b.original);
    if (a.time != b.time && !(a.time == kNoTime && b.time == 0)) {
      return place + "time " + std::to_string(a.time) + ", libpcap " + std::to_string(b.time);
    }
    if (!same_link(a.link, theirs.link)) {
      return place + "link type " + std::to_string(static_cast<int>(a.link)) + ", libpcap " +
             std::to_string(theirs.link);
    }
  }
  return {};
}

bool read_whole(const Reading& reading) {
  if (!reading.file) return false;
  for (const CaptureProblem& problem : reading.file->problems()) {
    if (problem.kind != CaptureProblem::Kind::OddRecord && problem.kind != CaptureProblem::Kind::Dropped) return false;
  }
  return true;
}

TEST_CASE("libpcap: the corpus is read the same, packet for packet") {
  if (!have_corpus()) return;
  std::size_t files = 0, packets = 0;
  std::set<std::string> used;
  for (const auto& entry : fs::recursive_directory_iterator(kCorpus)) {
    const std::string extension = entry.path().extension();
    if (extension != ".pcap" && extension != ".pcapng" && extension != ".cap" && extension != ".gz" &&
        extension != ".snoop")
      continue;
    const std::string name = fs::relative(entry.path(), kCorpus);
    ++files;
    const Reading ours = read_path(entry.path());
    const LibpcapReading theirs = read_with_libpcap(entry.path());
    packets += theirs.packets.size();
    const auto expected = [&](const std::map<std::string, std::string>& table, const std::string& found) {
      INFO(name << ": libpcap says: " << theirs.error << "; we say: " << ours.error
                << (ours.problems.empty() ? "" : ours.problems[0]));
      const auto row = table.find(name);
      CHECK(found == (row == table.end() ? "" : row->second));
      if (row != table.end()) used.insert(name);
    };
    expected(kLibpcapDiffers, difference(ours, theirs));
    const bool more = ours.packets.size() > theirs.packets.size() || (read_whole(ours) && !theirs.error.empty());
    expected(kLibpcapReadsLess, more ? theirs.error : "");
  }
  CHECK(files == 143);
  CHECK(packets > 4'000);
  CHECK(used.size() == kLibpcapDiffers.size() + kLibpcapReadsLess.size());  // no row without its file
}

TEST_CASE("libpcap: every variant that is written here is read the same") {
  std::size_t compared = 0;
  const auto compare = [&](const std::string& bytes) {
    TempFile file(bytes);
    const Reading ours = read_path(file.path());
    const LibpcapReading theirs = read_with_libpcap(file.path());
    CHECK(theirs.error == "");
    CHECK(ours.packets.size() == theirs.packets.size());
    CHECK(difference(ours, theirs) == "");
    compared += theirs.packets.size();
  };
  for (const bool big : {false, true}) {
    const Writer w(big);
    for (const std::uint32_t magic : {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34}) {
      const std::string extra(magic == 0xa1b2cd34 ? 8 : 0, '\0');
      for (const std::uint32_t link : {1u, 101u, 113u, 228u, 276u, 0x24000001u}) {
        for (std::uint16_t minor = 0; minor <= 4; ++minor) {
          INFO("big " << big << ", magic " << magic << ", link type " << link << ", version 2." << minor);
          std::string pcap = w.header(magic, link, 65535, 2, minor);
          for (const std::uint32_t captured : {60u, 0u, 1u, 1500u}) {
            const std::uint32_t original = captured + 10;
            const bool swapped = minor < 3 || (minor == 3 && captured == 60);
            pcap += w.u32(1'700'000'000) + w.u32(999'999) + w.u32(swapped ? original : captured) +
                    w.u32(swapped ? captured : original) + extra + std::string(captured, 'd');
          }
          compare(pcap);
        }
      }
    }
    for (const int resolution : {0, 3, 6, 7, 9, 12, 0x80, 0x8a, 0xa0}) {
      for (const std::int64_t offset : {0, 1'000, -5}) {
        INFO("big " << big << ", resolution " << resolution << ", offset " << offset);
        const std::string options = w.option(9, std::string(1, static_cast<char>(resolution))) +
                                    w.option(14, w.u64(static_cast<std::uint64_t>(offset))) + w.end();
        compare(w.section() + w.interface(1, 96, options) +
                w.packet(0, 1'234'567'890, "abcde", 60, w.option(1, "why") + w.end()) +
                w.packet(0, 7'000'000'001, "", 0) + w.old_packet(0, 3, 99, "xyz", 3) + w.block(4, "names") +
                w.packet(0, 1'000'000, std::string(96, 'x'), 1500));
      }
    }
    compare(w.section() + w.interface(1, 5) + w.simple_packet("abcd", 4) + w.simple_packet("abcde", 60) + w.section() +
            w.interface(1, 5) + w.packet(0, 1, "late", 4));
  }
  CHECK(compared == 2 * (3 * 6 * 5 * 4 + 9 * 3 * 4 + 3));
}

std::string status_of(const Reading& reading) {
  if (!reading.file) return "unsupported";
  std::string status = "ok";
  for (const CaptureProblem& problem : reading.file->problems()) {
    switch (problem.kind) {
      case CaptureProblem::Kind::CutShort:
        return "cut-short";
      case CaptureProblem::Kind::Damaged:
        return "damaged";
      case CaptureProblem::Kind::LostSection:
      case CaptureProblem::Kind::Compression:
        return "not whole";
      default:
        break;
    }
  }
  return status;
}

TEST_CASE("truth.tsv: packets and read status are tshark's") {
  if (!have_corpus()) return;
  std::ifstream truth(kCorpus / "truth.tsv");
  std::string line;
  std::getline(truth, line);
  REQUIRE(line.substr(0, 25) == "file\tpackets\tread_status\t");
  std::size_t rows = 0, differences = 0;
  while (std::getline(truth, line)) {
    std::istringstream columns(line);
    std::string name, packets, status;
    std::getline(columns, name, '\t');
    std::getline(columns, packets, '\t');
    std::getline(columns, status, '\t');
    const Reading read = read_path(kCorpus / name);
    const std::string theirs = packets + " " + status;
    const std::string ours = std::to_string(read.packets.size()) + " " + status_of(read);
    const auto row = kTsharkDiffers.find(name);
    INFO(name << ": " << read.error << (read.problems.empty() ? "" : read.problems.back()));
    CHECK((ours == theirs ? "" : ours + " for " + theirs) == (row == kTsharkDiffers.end() ? "" : row->second));
    differences += row != kTsharkDiffers.end();
    ++rows;
  }
  CHECK(rows == 143);
  CHECK(differences == kTsharkDiffers.size());
}

}  // namespace
}  // namespace airtight::audit::test
