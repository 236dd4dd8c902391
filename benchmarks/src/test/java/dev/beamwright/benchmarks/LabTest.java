package dev.beamwright.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.beamwright.benchmarks.Result.Entry;
import dev.beamwright.benchmarks.Row.Contestant;
import dev.beamwright.recsys.run.Progress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LabTest {
    private final List<String> said = new ArrayList<>();
    private final Progress progress = Progress.lines(said::add);

    private Lab lab(String python, int rounds) {
        return new Lab(new Peers(python, 1, progress), true, rounds, progress);
    }

    @Test
    void everybodyIsMeasuredOnceInEveryRoundInTurn() {
        List<String> order = new ArrayList<>();
        Row row = Row.of("g", "r", 0, "", _ -> List.of(meter("a", order), meter("b", order)));
        Result result;
        try (Lab lab = lab("python3", 3)) {
            result = lab.measure(row.cold());
        }
        assertThat(order).containsExactly("a", "b", "a", "b", "a", "b");
        assertThat(result.entries()).extracting(Entry::median).containsExactly(3.0, 4.0);
    }

    /** Measures its place in the order: 1, 3, 5 for the first of two. */
    private static Contestant meter(String name, List<String> order) {
        return new Contestant(name, "", 1, _ -> {
            order.add(name);
            return order.size();
        });
    }

    @Test
    void aMissingPeerIsToldInOneLineAndTheOthersAreMeasured() {
        Row row = Row.of("g", "r", 0, "", lab -> KernelRows.join(
                lab.peer(Peers.TORCH, "", "gemm NN 2 2 2"), List.of(meter(Result.OURS, new ArrayList<>()))));
        Result result;
        try (Lab lab = lab("no-such-python", 1)) {
            result = lab.measure(row.cold());
            lab.measure(row.cold());
        }
        assertThat(result.entries()).extracting(Entry::who).containsExactly(Result.OURS);
        assertThat(said).hasSize(1).first().asString().startsWith("PyTorch is not here").contains("pip install");
        assertThat(result.notes()).hasSize(1).first().asString().startsWith("without PyTorch: ");
    }

    @Test
    void aPeerThatFailsIsLeftOutOfItsRowOnly() {
        Contestant broken = new Contestant("P", "form", 1, _ -> {
            throw new Peer.Missing("it cannot");
        });
        Row row = Row.of("g", "r", 0, "", _ -> List.of(broken, meter(Result.OURS, new ArrayList<>())));
        try (Lab lab = lab("python3", 2)) {
            Result result = lab.measure(row);
            assertThat(result.entries()).extracting(Entry::who).containsExactly(Result.OURS);
            assertThat(result.notes()).containsExactly("P (form, 1 thread) failed: it cannot");
        }
    }

    @Test
    void aProcessAnswersOrTellsWhyNot() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = List.of(java, "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
                Parrot.class.getName());
        try (PeerProcess peer = PeerProcess.start(command, 3)) {
            assertThat(peer.version()).isEqualTo("parrot 3");
            assertThat(peer.seconds("squawk", 2)).isEqualTo(0.5);
            assertThat(catchMissing(() -> peer.seconds("sing", 1))).isEqualTo("cannot sing");
            assertThat(catchMissing(() -> peer.seconds("die", 1))).isEqualTo("it is no more");
        }
    }

    private interface Asking {
        double ask() throws Peer.Missing;
    }

    private static String catchMissing(Asking asking) {
        try {
            asking.ask();
            return null;
        } catch (Peer.Missing e) {
            return e.getMessage();
        }
    }

    /** A peer for this test. */
    static final class Parrot {
        public static void main(String[] args) {
            try (var in = new java.util.Scanner(System.in)) {
                while (in.hasNextLine()) {
                    String line = in.nextLine();
                    if (line.endsWith("die")) {
                        System.err.println("it is no more");
                        return;
                    }
                    System.out.println(
                            line.startsWith("hello") ? "ok parrot " + line.substring(6)
                                    : line.equals("time 2 squawk") ? "ok 0.5"
                                    : "no cannot sing");
                }
            }
        }
    }
}
