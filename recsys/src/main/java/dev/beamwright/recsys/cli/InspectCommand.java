package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.data.Audit;
import dev.beamwright.recsys.evaluate.ScoreCard;
import dev.beamwright.recsys.reinforce.Reinforce;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.recsys.semanticid.SidReport;
import dev.beamwright.recsys.train.MetricsLog;
import dev.beamwright.recsys.train.Start;
import dev.beamwright.recsys.train.Train;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code beamwright inspect RUN}: what is in a run. */
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = "Show what is in a run: its data, semantic IDs, model and scores, and what made them.")
final class InspectCommand implements Callable<Integer> {
    private static final List<String> STAGES =
            List.of("prepare", "tokenize", Start.BEFORE, "train", Start.ROLLOUTS + Start.EARLIER, Start.ROLLOUTS,
                    "train-prm", "evaluate");
    private static final String METRICS = Train.MODEL.metrics(), PRM_METRICS = Train.PRM.metrics();

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", description = "Show this run.")
    private Path root;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print everything as one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        RunFolder run = RunFolder.open(root);
        if (!run.has(RunFolder.INFO) && !run.has(RunFolder.AUDIT)) {
            throw new UserError(root + ": no run, for it holds no data/audit.json; 'beamwright prepare --out " + root
                    + "' begins one");
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) out.println(Json.line(everything(run)));
        else print(run, out);
        out.flush();
        return Main.OK;
    }

    private static void print(RunFolder run, PrintWriter out) {
        heading(out, "made by");
        JsonNode made =
                run.has(RunFolder.INFO) ? Json.readTree(run.file(RunFolder.INFO)) : Json.mapper().createObjectNode();
        for (String stage : STAGES) {
            JsonNode m = made.path(stage);
            if (m.isMissingNode()) continue;
            String seed = m.has("seed") ? ", seed " + m.path("seed").asString() : "";
            String backend = m.has("backend") ? ", backend " + m.path("backend").asString() : "";
            out.printf(
                    "%-10s version %s, Java %s, on %s%s%s%n",
                    stage,
                    m.path("version").asString("?"),
                    m.path("jdk").asString("?"),
                    m.path("host").asString("?"),
                    seed,
                    backend);
        }
        heading(out, "data");
        if (run.has(RunFolder.AUDIT)) out.print(Json.read(run.file(RunFolder.AUDIT), Audit.class).table());
        else out.println(notYet("prepare", run));

        heading(out, "semantic IDs");
        if (run.has(RunFolder.ID_REPORT)) out.print(Json.read(run.file(RunFolder.ID_REPORT), SidReport.class).text());
        else out.println(notYet("tokenize", run));

        heading(out, "model");
        if (run.has(RunFolder.config("train"))) {
            out.println("settings   " + Json.line(Json.readTree(run.file(RunFolder.config("train")))));
            if (run.has(Reinforce.CONFIG)) {
                out.println("rollouts   " + Json.line(Json.readTree(run.file(Reinforce.CONFIG))));
            }
            for (JsonNode epoch : new MetricsLog(run, METRICS).read()) out.println(epoch(epoch));
            if (run.has(RunFolder.config("train-prm"))) {
                out.println("process reward model, trained by itself");
                out.println("settings   " + Json.line(Json.readTree(run.file(RunFolder.config("train-prm")))));
                for (JsonNode epoch : new MetricsLog(run, PRM_METRICS).read()) out.println(epoch(epoch));
            }
        } else {
            out.println(notYet("train", run));
        }
        heading(out, "scores");
        if (run.has(RunFolder.SCORECARD)) {
            ScoreCard card = Json.read(run.file(RunFolder.SCORECARD), ScoreCard.class);
            for (String file : card.outdated(run)) {
                out.println("measured before " + file + " was written anew; 'beamwright evaluate " + run.root()
                        + "' measures the model that is there");
            }
            out.print(card.table());
        } else {
            out.println(notYet("evaluate", run));
        }
    }

    private static void heading(PrintWriter out, String text) {
        out.println((text.equals("made by") ? "" : "\n") + text.toUpperCase(Locale.ROOT));
    }

    private static String notYet(String stage, RunFolder run) {
        return "none yet; 'beamwright " + stage + " " + run.root() + "' makes it";
    }

    private static String epoch(JsonNode m) {
        if (m.has("step")) { // of a training by rollouts
            return String.format(
                    Locale.ROOT, "step %-5d validation HR@10 %.4f, NDCG@10 %.4f, HR@1 %.4f, entropy %.3f, %.0f s",
                    m.path("step").asInt(), m.path("validationHr10").asDouble(),
                    m.path("validationNdcg10").asDouble(), m.path("validationHr1").asDouble(),
                    m.path("entropy").asDouble(), m.path("seconds").asDouble());
        }
        return String.format(
                Locale.ROOT,
                "epoch %-4d loss %.4f, validation Recall@10 %.4f, NDCG@10 %.4f%s, %.0f s",
                m.path("epoch").asInt(0),
                m.path("loss").asDouble(Double.NaN),
                m.path("validationRecall10").asDouble(Double.NaN),
                m.path("validationNdcg10").asDouble(Double.NaN),
                m.path("validationLoss").isNumber()
                        ? String.format(Locale.ROOT, ", loss %.4f", m.path("validationLoss").asDouble())
                        : "",
                m.path("seconds").asDouble(Double.NaN));
    }

    private static ObjectNode everything(RunFolder run) {
        ObjectNode all = Json.mapper().createObjectNode();
        all.put("run", run.root().toString());
        if (run.has(RunFolder.INFO)) all.set("stages", Json.readTree(run.file(RunFolder.INFO)));
        ObjectNode settings = all.putObject("settings");
        for (String stage : STAGES) {
            String file = RunFolder.config(stage);
            if (run.has(file)) settings.set(stage, Json.readTree(run.file(file)));
        }
        if (run.has(RunFolder.AUDIT)) all.set("data", Json.readTree(run.file(RunFolder.AUDIT)));
        if (run.has(RunFolder.ID_REPORT)) all.set("semanticIds", Json.readTree(run.file(RunFolder.ID_REPORT)));
        ArrayNode epochs = Json.mapper().createArrayNode();
        new MetricsLog(run, METRICS).read().forEach(epochs::add);
        if (!epochs.isEmpty()) all.set("epochs", epochs);
        ArrayNode prm = Json.mapper().createArrayNode();
        new MetricsLog(run, PRM_METRICS).read().forEach(prm::add);
        if (!prm.isEmpty()) all.set("prmEpochs", prm);
        if (run.has(RunFolder.SCORECARD)) {
            all.set("scorecard", Json.readTree(run.file(RunFolder.SCORECARD)));
            List<String> outdated = Json.read(run.file(RunFolder.SCORECARD), ScoreCard.class).outdated(run);
            if (!outdated.isEmpty()) all.set("writtenSinceScorecard", Json.mapper().valueToTree(outdated));
        }
        return all;
    }
}
