package dev.beamwright.tornado.bench;

import dev.beamwright.recsys.run.Bars;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What {@link DeviceCommand} found; written as device.json.
 *
 * @param kind whether the device is one whose times say something: "gpu", or "cpu", which shows correctness alone
 * @param complete false while the benchmark is still running, or where it was ended
 * @param copyGBs what copying reached, in GB/s, read and written counted
 * @param productGFLOPs what the greatest product reached
 * @param taskUs what one more task in a captured body costs, in microseconds
 */
public record DeviceResults(
        String date,
        String commit,
        String device,
        String kind,
        String sdk,
        String jdk,
        int threads,
        boolean quick,
        boolean complete,
        double copyGBs,
        double productGFLOPs,
        double taskUs,
        List<Row> rows) {
    /**
     * What was measured of one thing; times are medians in milliseconds, null where it was not measured.
     *
     * @param flops floating-point operations of one run, 0 where they are not what counts
     * @param bytes read and written by one run at the least, 0 where they are not what counts
     * @param plainMs plain loops of Java on one thread
     * @param vector1Ms the Vector API on one thread
     * @param vectorMs the Vector API on all threads
     * @param deviceMs the device, in single precision
     * @param bf16Ms the device with operands of products rounded to bfloat16, on tensor cores
     * @param fp16Ms the same with half precision
     * @param cublasMs NVIDIA's library in single precision
     * @param firstRunMs the first run on the device: compiling, and copying parameters to it
     * @param tasks kernels of one run
     * @param shareOfLimit share of what the device was measured to be able to do, in the same run
     * @param shareOfLaunches share of the time that starting the tasks takes, of what consists of many
     * @param perSecond users or samples in a second on the device, 0 where there are none
     */
    public record Row(
            String name,
            double flops,
            double bytes,
            Double plainMs,
            Double vector1Ms,
            Double vectorMs,
            Double deviceMs,
            Double bf16Ms,
            Double fp16Ms,
            Double cublasMs,
            double firstRunMs,
            int tasks,
            Double shareOfLimit,
            Double shareOfLaunches,
            double perSecond) {
        String rate() {
            if (shareOfLaunches != null) return String.format(Locale.ROOT, "%,.0f/s", perSecond);
            if (flops > 0) return String.format(Locale.ROOT, "%.1f GFLOP/s", flops / deviceMs / 1e6);
            return bytes > 0 ? String.format(Locale.ROOT, "%.1f GB/s", bytes / deviceMs / 1e6) : "";
        }

        String share() {
            Double share = shareOfLaunches == null ? shareOfLimit : shareOfLaunches;
            return share == null ? "" : String.format(Locale.ROOT, "%.0f%%", 100 * share);
        }
    }

    static String line(Row r) {
        return String.format(
                Locale.ROOT, "%-28s %9s %9s %9s %9s %9s %9s %9s  %-16s %5s %9.0f %5d", r.name, ms(r.plainMs),
                ms(r.vector1Ms), ms(r.vectorMs), ms(r.deviceMs), ms(r.bf16Ms), ms(r.fp16Ms), ms(r.cublasMs), r.rate(),
                r.share(), r.firstRunMs, r.tasks);
    }

    private static String ms(Double milliseconds) {
        return milliseconds == null ? "-" : String.format(Locale.ROOT, "%.3f", milliseconds);
    }

    void print(PrintWriter to) {
        to.printf(
                Locale.ROOT, "%s%ncopy %.1f GB/s, product %.1f GFLOP/s, one more task %.1f µs%n%s%nmilliseconds%n"
                        + "%-28s %9s %9s %9s %9s %9s %9s %9s  %-16s %5s %9s %5s%n",
                device, copyGBs, productGFLOPs, taskUs,
                kind.equals("gpu")
                        ? ""
                        : "The device is a CPU: its times show that the kernels run, and nothing of a GPU.\n",
                "",
                "plain Java", "Vector, 1", "Vector, " + threads, "device", "bf16", "fp16", "cuBLAS", "rate",
                "share", "first run", "tasks");
        for (Row r : rows) to.println(line(r));
        to.println(
                "share: of what the device reached in copying or in its largest product; of steps and searches, that of"
                        + " starting tasks");
        to.flush();
    }

    String bars() {
        List<Bars.Bar> bars = new ArrayList<>();
        for (Row r : rows) {
            if (r.shareOfLimit == null) continue;
            String text = r.share() + ", " + r.rate();
            bars.add(new Bars.Bar(r.name, 100 * r.shareOfLimit, null, null, text, false, null));
        }
        return new Bars("Share of what the device reached in copying or in a large product, %", bars).svg();
    }
}
