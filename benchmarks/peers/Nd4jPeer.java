import java.util.Scanner;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J as a peer: the commands of torch_peer.py, and of them gemm. */
public final class Nd4jPeer {
    private static String ready = "";
    private static Runnable work;

    public static void main(String[] args) {
        for (Scanner in = new Scanner(System.in); in.hasNextLine();) {
            try {
                System.out.println("ok " + answer(in.nextLine().split(" ")));
            } catch (RuntimeException | LinkageError e) {
                System.out.println("no " + e.toString().lines().findFirst().orElse(""));
            }
        }
    }

    /** As the file's name has it. */
    private static String version() {
        String jar = Nd4j.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        return "ND4J " + jar.replaceAll(".*/nd4j-api-|\\.jar$", "");
    }

    private static Object answer(String[] words) {
        if (words[0].equals("hello")) {
            Nd4j.getEnvironment().setMaxMasterThreads(Integer.parseInt(words[1]));
            return version() + ", " + words[1] + " threads";
        }
        if (words[0].equals("forget")) {
            ready = "";
            work = null;
            return "";
        }
        if (!words[0].equals("time") || !words[2].equals("gemm")) throw new IllegalArgumentException("only gemm");
        int times = Integer.parseInt(words[1]);
        String name = String.join(" ", words);
        name = name.substring(name.indexOf("gemm"));
        boolean fresh = !name.equals(ready);
        if (fresh) {
            work = gemm(words[3], Integer.parseInt(words[4]), Integer.parseInt(words[5]), Integer.parseInt(words[6]));
            ready = name;
        }
        if (fresh || times > 1) work.run();
        long begin = System.nanoTime();
        for (int i = 0; i < times; i++) work.run();
        return (System.nanoTime() - begin) / 1e9 / times;
    }

    private static Runnable gemm(String form, int m, int k, int n) {
        boolean ta = form.charAt(0) == 'T', tb = form.charAt(1) == 'T';
        INDArray a = ta ? Nd4j.rand('c', k, m) : Nd4j.rand('c', m, k);
        INDArray b = tb ? Nd4j.rand('c', n, k) : Nd4j.rand('c', k, n), c = Nd4j.create(new int[] {m, n}, 'f');
        return () -> Nd4j.gemm(a, b, c, ta, tb, 1.0, 0.0);
    }
}
