// A capture file, packet by packet: pcap (both byte orders, micro- and nanoseconds, the "modified" variant, file
// version 2.0 to 2.4) and pcapng (draft-ietf-opsawg-pcapng; several sections of both byte orders, several interfaces).
// Blocks that carry no packet are skipped or, where they say something that a verdict needs, kept. Held equal to
// libpcap, packet for packet, by a test.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/capture/byte_source.h"
#include "auditor/decode/frame.h"

namespace airtight::audit {

struct CaptureInterface {
  std::string name;  // if_name; empty if the file gives none
  LinkType link = LinkType::Ethernet;
  std::uint32_t snap_length = 0;  // 0 = no limit
  std::uint32_t section = 0;      // 0-based section of the file
  // From the last Interface Statistics Block; empty if there was none.
  std::optional<std::uint64_t> received;  // isb_ifrecv
  std::optional<std::uint64_t> dropped;   // isb_ifdrop + isb_osdrop, whichever are there
};

// Something that keeps the file from being clean: it was not, or could not be, read whole.
struct CaptureProblem {
  enum class Kind : std::uint8_t {
    CutShort,     // the file ends inside a header, a packet or a block
    Damaged,      // lengths or structure contradict themselves; nothing behind that place was read
    LostSection,  // a section that could not be read (unknown version, damaged header); what follows it was, if it
                  // could be found
    Compression,  // the compressed stream ends early or is damaged
    Dropped,      // the file's own statistics say that packets were dropped
    OddRecord,    // one record contradicts itself (more captured than on the wire, more than the snap length), and was
                  // read all the same
  };
  Kind kind;
  std::string what;                // a clause: "the file ends 12 bytes into packet 17, at offset 4711"
  std::uint64_t offset = 0;        // in the uncompressed bytes
  std::uint64_t after_packet = 0;  // packets of the file that were read before it
};
std::string_view to_string(
    CaptureProblem::Kind);  // "cut short" "damaged" "lost section" "compression" "dropped" "odd record"

class CaptureFile {
 public:
  // Reads the beginning. Throws std::system_error on I/O errors. `error` is set, and nothing returned, if it is no
  // capture: a clause that names what it looks like where that is known ("a Solaris snoop file", "an ELF program",
  // "empty", "text") and what is read.
  static std::unique_ptr<CaptureFile> open(const std::string& path, std::string& error);
  // The same of bytes that come from anywhere.
  static std::unique_ptr<CaptureFile> open(std::unique_ptr<ByteSource> source, std::string& error);
  virtual ~CaptureFile() = default;

  // The next packet, false at the end. frame.bytes is valid until the next call; frame.interface is an index into
  // interfaces().
  virtual bool next(Frame& frame) = 0;
  // Grows while the file is read (pcapng); entries stay where they are.
  virtual const std::vector<CaptureInterface>& interfaces() const = 0;
  virtual const std::vector<CaptureProblem>& problems()
      const = 0;  // at most 1,000; complete when next() has said false
  virtual std::string format()
      const = 0;  // for people: "pcap, nanoseconds, big-endian", "pcapng, 2 sections", with ", gzip"
  virtual ByteSource& source() = 0;
};

}  // namespace airtight::audit
