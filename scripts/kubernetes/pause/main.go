// Command pause waits until it is told to end. It holds the namespaces of each pod, which is all that Kubernetes wants of it, and
// stands for a program in charts that tests install.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
}
