module peer

go 1.16

require github.com/cloudstateio/go-support v0.3.0
